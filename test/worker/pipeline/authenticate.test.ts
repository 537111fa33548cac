import { describe, expect, test, vi } from 'vitest';
import { sha256Hex } from '../../../contract/encoding.ts';
import type { ConsumerEntry } from '../../../contract/routing-table.ts';
import { Authenticator, type Caller } from '../../../worker/pipeline/authenticate.ts';
import type { ClusterTable, ServedTable } from '../../../worker/table/served-table.ts';
import { consumerEntry, servedConsumer, tableOfEntries } from '../support/table-of-entries.ts';
import { countingClock } from '../upstream/counting-clock.ts';

const KEY = 'sk-0123456789abcdef0123456789abcdef';

describe('a key is taken', () => {
  test.each([
    ['as OpenAI’s SDKs send it', { authorization: `Bearer ${KEY}` }],
    ['whatever the case of the scheme', { authorization: `bearer ${KEY}` }],
    ['with spaces around it', { authorization: `Bearer   ${KEY} ` }],
    ['as Anthropic’s SDKs send it', { 'x-api-key': KEY }],
    ['from Authorization first', { authorization: `Bearer ${KEY}`, 'x-api-key': 'another' }],
    ['beside a scheme that is not ours', { authorization: 'Basic dTpw', 'x-api-key': KEY }],
  ])('%s', async (_, headers) => {
    expect(
      consumerOf(await made().authenticator.authenticate(new Headers(headers), await knowing({ [KEY]: {} }))),
    ).toBe('default/ada');
  });
});

describe('a caller is sent away', () => {
  test.each([
    ['without a key', {}, /^Send your API key/],
    ['with an empty one', { authorization: 'Bearer ' }, /^Send your API key/],
    ['with a scheme that is not ours', { authorization: `Basic ${KEY}` }, /^Send your API key/],
    ['with a key that is not known', { authorization: 'Bearer sk-unknown' }, /^This API key is not known here/],
    [
      'with a key that lacks a character',
      { authorization: `Bearer ${KEY.slice(0, -1)}` },
      /^This API key is not known here/,
    ],
    ['with a key in another case', { authorization: `Bearer ${KEY.toUpperCase()}` }, /^This API key is not known here/],
    [
      'with a key that is longer than any',
      { authorization: `Bearer ${'x'.repeat(513)}` },
      /^This API key is not known here/,
    ],
  ])('%s, and told what to do', async (_, headers, sentence) => {
    const caller = await made().authenticator.authenticate(
      new Headers(headers),
      await knowing({ [KEY]: {}, ['x'.repeat(513)]: {} }),
    );
    expect(caller.type === 'Unknown' && caller.why).toMatchObject({
      code: 'invalid_api_key',
      message: expect.stringMatching(sentence),
    });
  });

  test('without any word of the key that was sent', async () => {
    const caller = await made().ask('sk-mistyped', await knowing({}));
    expect(caller.type === 'Unknown' && caller.why.message).not.toContain('mistyped');
  });
});

describe('a key that expires', () => {
  test('works until its last millisecond, and not in the next, although it is remembered', async () => {
    const { ask, clock } = made(Date.parse('2026-06-01T00:00:00Z') - 1);
    const table = await knowing({ [KEY]: { expiresAt: '2026-06-01T00:00:00Z' } });
    expect(consumerOf(await ask(KEY, table))).toBe('default/ada');
    clock.advance(1);
    const late = await ask(KEY, table);
    expect(late.type === 'Unknown' && late.why).toMatchObject({
      code: 'invalid_api_key',
      message: expect.stringContaining('expired at 2026-06-01T00:00:00Z'),
    });
  });

  test('at a time that cannot be read has expired', async () => {
    const caller = await made().ask(KEY, await knowing({ [KEY]: { expiresAt: 'tomorrow' } }));
    expect(caller.type).toBe('Unknown');
  });

  test('works again where the next revision says so', async () => {
    const { ask } = made(Date.parse('2026-06-02T00:00:00Z'));
    expect((await ask(KEY, await knowing({ [KEY]: { expiresAt: '2026-06-01T00:00:00Z' } }))).type).toBe('Unknown');
    expect((await ask(KEY, await knowing({ [KEY]: {} }))).type).toBe('Known');
  });
});

describe('a key that was met before', () => {
  test('is known without waiting and without a look-up, for as long as the revision serves', async () => {
    const { ask } = made();
    const table = counted(await knowing({ [KEY]: {} }));
    await ask(KEY, table);
    const again = ask(KEY, table);
    expect(again).not.toBeInstanceOf(Promise);
    expect(table.consumer).toHaveBeenCalledTimes(1);
  });

  test('is looked up once in each revision, and means what that one says', async () => {
    const { ask } = made();
    await ask(KEY, await knowing({ [KEY]: { team: 'red' } }));
    const next = counted(await knowing({ [KEY]: { team: 'blue' } }));
    const caller = await ask(KEY, next);
    expect(caller.type === 'Known' && caller.consumer.team).toBe('blue');
    await ask(KEY, next);
    expect(next.consumer).toHaveBeenCalledTimes(1);
  });

  test('is refused from the revision on that drops it', async () => {
    const { ask } = made();
    expect((await ask(KEY, await knowing({ [KEY]: {} }))).type).toBe('Known');
    expect((await ask(KEY, await knowing({}))).type).toBe('Unknown');
  });
});

describe('what an isolate remembers', () => {
  test('is bounded: the keys met longest ago are looked up again, none is refused', async () => {
    const { ask } = made();
    const everyone: ServedTable = {
      ...tableOfEntries({ routes: {}, models: {}, providers: {} }),
      hasKey: () => true,
      consumer: () => servedConsumer(),
    };
    for (let i = 0; i <= 4096; i++) await ask(`sk-${i}`, everyone);
    expect(ask('sk-4096', everyone)).not.toBeInstanceOf(Promise);
    expect(ask('sk-1', everyone)).not.toBeInstanceOf(Promise);
    const forgotten = ask('sk-0', everyone);
    expect(forgotten).toBeInstanceOf(Promise);
    expect((await forgotten).type).toBe('Known');
  });

  test('is not pushed out by keys that nobody knows', async () => {
    const { ask } = made();
    const table = await knowing({ [KEY]: {} });
    await ask(KEY, table);
    for (let i = 0; i < 5_000; i++) await ask(`sk-guess-${i}`, table);
    expect(ask(KEY, table)).not.toBeInstanceOf(Promise);
  });
});

test('a key that is not in the index is refused without asking for its consumer, which may be far away', async () => {
  const table = counted(await knowing({ [KEY]: {} }));
  await made().ask('sk-unknown', table);
  expect(table.consumer).not.toHaveBeenCalled();
});

test('a consumer that cannot be had at the moment is no wrong key: the failure is passed on', async () => {
  const table: ServedTable = {
    ...(await knowing({ [KEY]: {} })),
    consumer: () => Promise.reject(new Error('the bucket is missing')),
  };
  await expect(Promise.resolve(made().ask(KEY, table))).rejects.toThrow('the bucket is missing');
});

function made(now?: number) {
  const clock = countingClock(now);
  const authenticator = new Authenticator(clock.now);
  const ask = (key: string, table: ServedTable): Caller | Promise<Caller> =>
    authenticator.authenticate(new Headers({ authorization: `Bearer ${key}` }), table);
  return { authenticator, clock, ask };
}

async function knowing(keys: Readonly<Record<string, Partial<ConsumerEntry>>>): Promise<ClusterTable> {
  const entries = Object.entries(keys).map(
    async ([key, change]) => [await sha256Hex(key), consumerEntry(change)] as const,
  );
  return tableOfEntries({
    routes: {},
    models: {},
    providers: {},
    consumers: Object.fromEntries(await Promise.all(entries)),
  });
}

function counted(table: ClusterTable) {
  return { ...table, consumer: vi.fn<ServedTable['consumer']>((digest) => table.consumer(digest)) };
}

function consumerOf(caller: Caller): string {
  return caller.type === 'Known' ? caller.consumer.id : caller.why.message;
}
