import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { reflect, type ReflectorState } from '../../../../sync-agent/source/kubernetes/reflector.ts';
import { fakeApi, type Exchange, type FakeApi } from '../../support/fake-api.ts';
import { manualClock, settle, type ManualClock } from '../../support/manual-clock.ts';

const PATH = '/apis/fairlead.dev/v1alpha1/aimodels';

describe('a reflector', () => {
  let api: FakeApi;
  let clock: ManualClock;
  let store: Map<string, string>;
  let replaced: number;
  let states: ReflectorState[];
  let stopping: AbortController;
  let running: Promise<void>;

  beforeEach(() => {
    api = fakeApi();
    clock = manualClock();
    [store, replaced, states] = [new Map(), 0, []];
    stopping = new AbortController();
    running = reflect(
      {
        api,
        collection: { path: PATH },
        project: (object) => (object.metadata.labels?.['skip'] ? undefined : String(object['value'])),
        store: {
          replace: (objects) => {
            replaced++;
            store = new Map(objects);
          },
          set: (id, value) => void store.set(id, value),
          remove: (id) => void store.delete(id),
        },
        onState: (state) => states.push(state),
        clock,
        random: () => 1,
      },
      stopping.signal,
    );
  });

  afterEach(async () => {
    stopping.abort(new Error('the test is over'));
    await running;
    if (api.open().length > 0) throw new Error('something of it still runs');
  });

  const synced = async (...values: readonly string[]): Promise<Exchange> => {
    const exchange = await api.only();
    await exchange.send(...values.map((value, index) => added(value, value, index + 1)), listed(100));
    return exchange;
  };

  test('asks for the whole as a stream, and has it only once the server says that it was all', async () => {
    const exchange = await api.only();
    expect(exchange.url).toBe(
      `${PATH}?allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan&sendInitialEvents=true&timeoutSeconds=600&watch=true`,
    );
    await exchange.send(added('a', 'one', 1), added('b', 'two', 2));
    expect([replaced, states]).toEqual([0, []]);

    await exchange.send(listed(7));
    expect([...store]).toEqual([
      ['team/a', 'one'],
      ['team/b', 'two'],
    ]);
    expect(states).toEqual([{ type: 'Watching' }]);
  });

  test('takes over what the same stream says of changes, and forgets what is deleted', async () => {
    const exchange = await synced('a', 'b');
    await exchange.send(modified('a', 'other', 101), deleted('b', 102), added('c', 'new', 103));

    expect(Object.fromEntries(store)).toEqual({ 'team/a': 'other', 'team/c': 'new' });
    expect(replaced).toBe(1);
  });

  test('leaves out what is not kept, also where it was kept before', async () => {
    const exchange = await synced('a');
    await exchange.send({ type: 'MODIFIED', object: object('a', 'x', 101, { skip: 'yes' }) });

    expect([...store]).toEqual([]);
  });

  test.each(chunkings())('reads lines that are split $name', async ({ split }) => {
    const exchange = await api.only();
    const text = [added('a', 'Zürich, 東京, 🚀', 1), listed(2)].map((event) => `${JSON.stringify(event)}\n`).join('');
    for (const part of split(Buffer.from(text))) await exchange.sendBytes(part);

    expect(store.get('team/a')).toBe('Zürich, 東京, 🚀');
  });

  test('goes on at once behind what it has seen, where the server ends a watch in order', async () => {
    const exchange = await synced('a');
    await exchange.send(bookmark(140));
    await exchange.end();

    const next = await api.only();
    expect(next.url).toBe(`${PATH}?allowWatchBookmarks=true&resourceVersion=140&timeoutSeconds=600&watch=true`);
    await next.send(modified('a', 'later', 141));
    expect([store.get('team/a'), replaced]).toEqual(['later', 1]);
  });

  test('goes on behind the last event where there was no bookmark since', async () => {
    const exchange = await synced('a');
    await exchange.send(modified('a', 'x', 107));
    await exchange.break();

    expect((await api.only()).url).toContain('resourceVersion=107');
  });

  test('begins again where the stream ends before all was told, and shows nothing of the half', async () => {
    const exchange = await api.only();
    await exchange.send(added('a', 'half', 1));
    await exchange.break();
    expect(api.open()).toEqual([]);
    await clock.advance(500);

    await (await api.only()).send(added('b', 'whole', 1), listed(5));
    expect(Object.fromEntries(store)).toEqual({ 'team/b': 'whole' });
  });

  describe.each([
    { how: 'as an answer', expire: async (next: Exchange) => next.fail(410, { reason: 'Expired' }) },
    { how: 'as an event', expire: async (next: Exchange) => next.send(expired) },
  ])('where its position has expired, told $how', ({ expire }) => {
    test('asks for the whole, and keeps what it has until the new whole is there', async () => {
      const exchange = await synced('a', 'b');
      await exchange.send(bookmark(120));
      await exchange.end();
      await expire(await api.only());
      await settle();
      await clock.advance(500);

      const anew = await api.only();
      expect(anew.url).toContain('sendInitialEvents=true');
      await anew.send(added('b', 'still', 200));
      expect([...store.keys()]).toEqual(['team/a', 'team/b']);
      await anew.send(listed(201));
      expect(Object.fromEntries(store)).toEqual({ 'team/b': 'still' });
      expect(replaced).toBe(2);
    });
  });

  test('does not run in circles where every position expires at once', async () => {
    for (let round = 0; round < 6; round++) {
      await (await api.only()).send(listed(1), expired);
      await clock.advance(20_000);
    }

    expect(clock.waits.filter((ms) => ms < 90_000)).toEqual([500, 1000, 2000, 4000, 8000, 16_000]);
  });

  describe.each([400, 422])('with a server that has no streamed list, and says %i', (status) => {
    beforeEach(async () => {
      (await api.only()).fail(status, { reason: 'Invalid' });
    });

    test('lists page by page, then watches from there', async () => {
      const first = await api.only();
      expect(first.url).toBe(`${PATH}?limit=500`);
      first.answer(page(50, ['a'], 'more'));
      const second = await api.only();
      expect(second.url).toBe(`${PATH}?continue=more&limit=500`);
      expect(replaced).toBe(0);
      second.answer(page(50, ['b']));

      expect((await api.only()).url).toContain('resourceVersion=50');
      expect([...store.keys()]).toEqual(['team/a', 'team/b']);
      expect(states).toContainEqual({ type: 'Watching' });
      expect(states.filter(({ type }) => type === 'Failing')).toEqual([]);
    });

    test('asks for all at once where the moment of the pages is forgotten in their midst', async () => {
      (await api.only()).answer(page(50, ['gone'], 'more'));
      (await api.only()).fail(410, { reason: 'Expired' });
      const whole = await api.only();
      expect(whole.url).toBe(PATH);
      whole.answer(page(60, ['a', 'b']));

      await api.only();
      expect([...store.keys()]).toEqual(['team/a', 'team/b']);
    });

    test('stays with pages when it has to begin again', async () => {
      (await api.only()).answer(page(50, ['a']));
      await (await api.only()).send(expired);
      await clock.advance(500);

      expect((await api.only()).url).toBe(`${PATH}?limit=500`);
    });
  });

  test('waits longer from failure to failure, up to twenty seconds, and says so', async () => {
    for (let failure = 0; failure < 8; failure++) {
      (await api.only()).fail(500);
      await settle();
      await clock.advance(20_000);
    }

    expect(clock.waits.filter((ms) => ms < 90_000)).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 20_000, 20_000]);
    expect(states.at(-1)).toMatchObject({ type: 'Failing', attempts: 8, failure: { status: 500 } });
    await synced('a');
    expect(states.at(-1)).toEqual({ type: 'Watching' });
  });

  test('begins with short pauses again once something came', async () => {
    const exchange = await synced('a');
    await exchange.break();
    await clock.advance(500);
    const next = await api.only();
    await next.send(modified('a', 'x', 101));
    await next.break();

    expect((await api.only()).url).toContain('resourceVersion=101');
  });

  test('waits as long as the server asks for', async () => {
    (await api.only()).fail(429, { retryAfterMs: 7000 });
    await settle();
    await clock.advance(6999);
    expect(api.open()).toEqual([]);
    await clock.advance(1);

    expect(await api.only()).toBeDefined();
  });

  test('gives up a watch that is silent for 90 seconds, and goes on where it was', async () => {
    const exchange = await synced('a');
    await clock.advance(60_000);
    await exchange.send(bookmark(130));
    await clock.advance(89_999);
    expect(exchange.isOver()).toBe(false);
    await clock.advance(1);
    await settle();

    expect(exchange.isOver()).toBe(true);
    expect((await api.only()).url).toContain('resourceVersion=130');
    expect(states.filter(({ type }) => type === 'Failing')).toEqual([]);
  });

  test('asks for the whole after two silences: the server may have forgotten what is to come next', async () => {
    await synced('a');
    await clock.advance(90_000);
    (await api.only()).answer();
    await clock.advance(90_000);

    expect((await api.only()).url).toContain('sendInitialEvents=true');
  });

  test('asks for the whole after it could not reach the server, which may have been restored from a backup', async () => {
    const exchange = await synced('a');
    await exchange.break();
    await clock.advance(500);
    (await api.only()).fail(0);
    await settle();
    await clock.advance(1000);

    expect((await api.only()).url).toContain('sendInitialEvents=true');
  });

  test('leaves nothing running when it is stopped while it waits', async () => {
    (await api.only()).fail(503);
    await settle();
    stopping.abort(new Error('stopped'));

    await expect(running).resolves.toBeUndefined();
  });

  test('leaves nothing running when it is stopped in the midst of a watch', async () => {
    const exchange = await synced('a');
    stopping.abort(new Error('stopped'));
    await running;

    expect(exchange.isOver()).toBe(true);
  });
});

function object(name: string, value: string, version: number, labels?: Record<string, string>) {
  return { kind: 'AIModel', metadata: { name, namespace: 'team', resourceVersion: String(version), labels }, value };
}

function added(name: string, value: string, version: number) {
  return { type: 'ADDED', object: object(name, value, version) };
}

function modified(name: string, value: string, version: number) {
  return { type: 'MODIFIED', object: object(name, value, version) };
}

function deleted(name: string, version: number) {
  return { type: 'DELETED', object: object(name, '', version) };
}

function bookmark(version: number, annotations?: Record<string, string>) {
  return { type: 'BOOKMARK', object: { metadata: { resourceVersion: String(version), annotations } } };
}

function listed(version: number) {
  return bookmark(version, { 'k8s.io/initial-events-end': 'true' });
}

function page(version: number, names: readonly string[], more?: string) {
  return {
    metadata: { resourceVersion: String(version), continue: more },
    items: names.map((name) => object(name, name, 1)),
  };
}

const expired = {
  type: 'ERROR',
  object: { kind: 'Status', code: 410, reason: 'Expired', message: 'too old resource version' },
};

function chunkings() {
  return [
    {
      name: 'at every byte',
      split: (bytes: Uint8Array) => Array.from(bytes, (_, index) => bytes.subarray(index, index + 1)),
    },
    { name: 'nowhere', split: (bytes: Uint8Array) => [bytes] },
    { name: 'every seven bytes', split: (bytes: Uint8Array) => sliced(bytes, 7) },
  ];
}

function sliced(bytes: Uint8Array, size: number): Uint8Array[] {
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
    bytes.subarray(index * size, index * size + size),
  );
}
