import { describe, expect, test } from 'vitest';
import { fromHex, sha256Hex } from '../../../contract/encoding.ts';
import type { RouteEntry } from '../../../contract/routing-table.ts';
import { joinTables } from '../../../worker/table/join-tables.ts';
import type { ClusterTable, ServedTable } from '../../../worker/table/served-table.ts';
import { consumerEntry, routeEntry, tableOfEntries } from '../support/table-of-entries.ts';

const KEY = await sha256Hex('sk-one');

describe('one table', () => {
  test('is its own join: one cluster pays nothing for there being several elsewhere', () => {
    const eu = cluster('eu', {});
    expect(joinTables([eu], [])).toBe(eu);
    expect(eu.clusters).toEqual([eu]);
    expect(eu.of('eu')).toBe(eu);
  });

  test('beside which another is missing says so', () => {
    expect(joinTables([cluster('eu', {})], ['us']).unavailable).toEqual(['us']);
  });
});

describe('the routes of several clusters', () => {
  const later = { created: '2027-01-01T00:00:00Z' };
  test.each<[string, Partial<RouteEntry>, Partial<RouteEntry>, string]>([
    ['that match the same requests: the cluster that is listed earlier', later, {}, 'eu'],
    ['the more specific host', {}, { hostnames: ['llm.example.com'] }, 'us'],
    ['the longer path', { created: '2020-01-01T00:00:00Z' }, { pathPrefix: '/v1' }, 'us'],
    ['the more headers', {}, { headers: [{ name: 'x-team', value: 'a' }] }, 'us'],
  ])('compete: %s goes first', (_, ofEu, ofUs, first) => {
    const table = joinTables([cluster('eu', { route: ofEu }), cluster('us', { route: ofUs })], []);
    expect(table.claimsOn('demo').map((claim) => claim.cluster)).toEqual(first === 'eu' ? ['eu', 'us'] : ['us', 'eu']);
    expect(table.claims()).toEqual(table.claimsOn('demo'));
  });

  test('compete in the order of the list, not of their age, however the list is ordered', () => {
    const old = cluster('old', { route: { created: '2020-01-01T00:00:00Z' } });
    const young = cluster('young', { route: later });
    expect(owners(joinTables([young, old], []))).toEqual(['young', 'old']);
    expect(owners(joinTables([old, young], []))).toEqual(['old', 'young']);
  });

  test('that claim a name in one cluster only are that cluster’s, and put in order once', () => {
    const table = joinTables([cluster('eu', { route: { models: { other: 'default/other' } } }), cluster('us', {})], []);
    expect(owners(table)).toEqual(['us']);
    expect(table.claimsOn('demo')).toBe(table.claimsOn('demo'));
    expect(table.claimsOn('nothing')).toEqual([]);
  });

  test('stand each in the table of its own cluster', () => {
    const [eu, us] = [cluster('eu', {}), cluster('us', {})];
    const table = joinTables([eu, us], []);
    expect(table.claimsOn('demo').map((claim) => table.of(claim.cluster))).toEqual([eu, us]);
    expect(() => table.of('ap')).toThrow('no table of the cluster ap is served');
  });
});

describe('a key', () => {
  test('is looked up in all clusters, and its consumer is of the cluster that knows it', async () => {
    const table = joinTables([cluster('eu', {}), cluster('us', { consumer: 'default/ada' })], []);
    expect(table.hasKey(fromHex(KEY))).toBe(true);
    expect(await table.consumer(KEY)).toMatchObject({ id: 'default/ada', cluster: 'us' });
  });

  test('that two clusters know belongs to the one that is listed earlier', async () => {
    const table = joinTables(
      [cluster('eu', { consumer: 'default/ada' }), cluster('us', { consumer: 'default/bob' })],
      [],
    );
    expect(await table.consumer(KEY)).toMatchObject({ id: 'default/ada', cluster: 'eu' });
  });

  test('that nobody knows is unknown', async () => {
    const table = joinTables([cluster('eu', {}), cluster('us', {})], []);
    expect(table.hasKey(fromHex(KEY))).toBe(false);
    expect(table.consumer(KEY)).toBeUndefined();
  });

  test('whose consumer is on the way is waited for, and the next cluster is asked only where there is none', async () => {
    const eu: ClusterTable = {
      ...cluster('eu', { consumer: 'default/ada' }),
      consumer: () => Promise.resolve(undefined),
    };
    const table = joinTables([eu, cluster('us', { consumer: 'default/bob' })], []);
    expect(await table.consumer(KEY)).toMatchObject({ id: 'default/bob', cluster: 'us' });
  });
});

test('the revision of several tables is that of each', () => {
  expect(joinTables([cluster('eu', {}), cluster('us', {})], []).revision).toBe('of-eu, of-us');
});

function owners(table: ServedTable): string[] {
  return table.claimsOn('demo').map((claim) => claim.cluster);
}

function cluster(name: string, { route, consumer }: { route?: Partial<RouteEntry>; consumer?: string }): ClusterTable {
  const consumers = consumer === undefined ? {} : { [KEY]: consumerEntry({ id: consumer }) };
  const routes = { 'default/main': routeEntry(route) };
  return tableOfEntries({ routes, models: {}, providers: {}, consumers }, `of-${name}`, name);
}
