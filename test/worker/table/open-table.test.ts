import * as fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { fromHex, sha256Hex } from '../../../contract/encoding.ts';
import type { SectionEntries } from '../../../contract/routing-table.ts';
import { openTable, tableOf } from '../../../worker/table/open-table.ts';
import { SectionBuckets } from '../../../worker/table/section-bucket.ts';
import type { ClusterTable } from '../../../worker/table/served-table.ts';
import { TableUnavailable } from '../../../worker/table/table-unavailable.ts';
import { aConsumer, aModel, aProvider, aRoute, makeTable, smallTable, type Entries } from './make-table.ts';

const names = { cluster: 'prod', revision: 'r1', generation: { term: 1, sequence: 1 } };

describe('a table', () => {
  let table: ClusterTable;
  beforeAll(async () => {
    table = await open({
      ...(await smallTable()),
      secrets: { ['ab'.repeat(32)]: { sealed: 'jwe' } },
    });
  });

  test('finds a model, a provider and a secret by id', () => {
    expect(table.model('team/demo')).toEqual(aModel());
    expect(table.provider('team/provider')).toEqual(aProvider());
    expect(table.secret('ab'.repeat(32))).toEqual({ sealed: 'jwe' });
  });

  test.each(['team/other', '__proto__', 'constructor', ''])('knows nothing of %j', (id) => {
    expect([table.model(id), table.provider(id), table.secret(id), table.consumer(id)]).toEqual(
      Array(4).fill(undefined),
    );
    expect(table.claimsOn(id)).toEqual([]);
  });

  test('knows a key by its digest, and whose it is', async () => {
    const digest = await sha256Hex('sk-one');
    expect(table.hasKey(fromHex(digest))).toBe(true);
    expect(table.consumer(digest)).toEqual({ ...aConsumer(), cluster: 'prod' });
    expect(table.hasKey(fromHex(await sha256Hex('sk-two')))).toBe(false);
  });

  test('of nothing knows nothing', async () => {
    const empty = await open({});
    expect(empty.claims()).toEqual([]);
    expect(empty.hasKey(new Uint8Array(32))).toBe(false);
    expect(empty.consumer('ab'.repeat(32))).toBeUndefined();
  });
});

test('every entry is found in its bucket, however many buckets there are', async () => {
  const id = fc.stringMatching(/^[a-z]{1,6}\/[a-z0-9]{1,8}$/);
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(id, { maxLength: 40 }), fc.nat(5), async (ids, bits) => {
      const digests = await Promise.all(ids.map((one) => sha256Hex(one)));
      const models = Object.fromEntries(ids.map((one) => [one, aModel({ modelName: one })]));
      const consumers = Object.fromEntries(digests.map((digest, i) => [digest, aConsumer({ id: ids[i]! })]));
      const table = await open({ models, consumers }, 2 ** bits);
      for (const one of ids) expect(table.model(one)?.modelName).toBe(one);
      for (const [i, digest] of digests.entries()) {
        expect(table.hasKey(fromHex(digest))).toBe(true);
        expect(table.consumer(digest)).toMatchObject({ id: ids[i] });
      }
    }),
    { numRuns: 30 },
  );
});

test('claims on a model come most specific first, over all buckets and host names', async () => {
  const routes: SectionEntries['routes'] = {
    'team/any': aRoute(),
    'team/wild': aRoute({ hostnames: ['*.example.com'] }),
    'team/both': aRoute({ hostnames: ['a.example.com', 'b.example.com'], pathPrefix: '/v1' }),
    'team/other': aRoute({ models: { elsewhere: 'team/elsewhere' } }),
  };
  const table = await open({ routes }, 4);
  expect(table.claimsOn('demo').map(({ id, hostname }) => `${id} ${hostname}`)).toEqual([
    'team/both a.example.com',
    'team/both b.example.com',
    'team/wild *.example.com',
    'team/any *',
  ]);
  expect(table.claimsOn('elsewhere').map(({ id, route }) => [id, route])).toEqual([
    ['team/other', routes['team/other']],
  ]);
  expect(table.claims()).toHaveLength(5);
  expect(table.claimsOn('demo')).toBe(table.claimsOn('demo'));
});

test('a model name that every object has is a name like any other', async () => {
  const table = await open({ routes: { 'team/r': aRoute({ models: { constructor: 'team/demo' } }) } });
  expect(table.claimsOn('constructor').map(({ id }) => id)).toEqual(['team/r']);
  expect(table.claimsOn('toString')).toEqual([]);
});

describe('the bucket of a consumer', () => {
  test('is loaded on first sight, and is in memory from then on', async () => {
    const { sections, blobs } = await makeTable(await smallTable());
    const buckets = new SectionBuckets();
    for (const sha256 of sections.keys) buckets.put('keys', sha256, blobs.get(sha256)!);
    const loads: string[] = [];
    const loadConsumers = async (sha256: string) => {
      loads.push(sha256);
      buckets.put('consumers', sha256, blobs.get(sha256)!);
    };
    const table = openTable({ ...names, sections: { ...sections, routes: [] }, buckets, loadConsumers });
    const digest = await sha256Hex('sk-one');
    const first = table.consumer(digest);
    expect(first).toBeInstanceOf(Promise);
    expect(await first).toEqual({ ...aConsumer(), cluster: 'prod' });
    expect(table.consumer(digest)).toEqual({ ...aConsumer(), cluster: 'prod' });
    expect(loads).toEqual(sections.consumers);
  });

  test('that is nowhere to be had is an error of ours, not an unknown key', async () => {
    const { sections } = await makeTable(await smallTable());
    const table = openTable({
      ...names,
      sections: { ...sections, routes: [] },
      buckets: new SectionBuckets(),
      loadConsumers: () => Promise.resolve(),
    });
    await expect(table.consumer(await sha256Hex('sk-one'))).rejects.toThrow(TableUnavailable);
  });
});

test('two revisions that name the same bucket share what was parsed of it', async () => {
  const one = await makeTable({ models: { 'team/a': aModel() } });
  const buckets = new SectionBuckets();
  const sha256 = one.sections.models[0]!;
  buckets.put('models', sha256, one.blobs.get(sha256)!);
  const next = buckets.only(one.sections);
  expect(next.json('models', sha256)).toBe(buckets.json('models', sha256));
  expect(buckets.only({ ...one.sections, models: [] }).json('models', sha256)).toBeUndefined();
});

async function open(entries: Entries, count = 1): Promise<ClusterTable> {
  const { sections, blobs } = await makeTable(entries, count);
  return tableOf({ ...names, sections }, blobs);
}
