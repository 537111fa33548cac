import { reset } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { sha256Hex } from '../../../contract/encoding.ts';
import type { SectionEntries } from '../../../contract/routing-table.ts';
import { blobKey } from '../../../contract/storage-keys.ts';
import { Authenticator, digestOfKey } from '../../../worker/pipeline/authenticate.ts';
import { aConsumer, aModel, aProvider, aRoute, type Entries } from './make-table.ts';
import { ScriptedHub, twoClusters } from './scripted-hub.ts';
import { TestIsolate } from './test-isolate.ts';

/** 8,000 consumers, 1,000 models, 500 routes and 200 providers. */
let entries: Required<Pick<Entries, 'routes' | 'models' | 'providers' | 'consumers'>>;
const BUCKETS = 16;
const KEY = 'sk-4711';
const headers = new Headers({ authorization: `Bearer ${KEY}` });
const { clusters, ...edge } = await twoClusters();
const settings = { ...edge, clusters: clusters.slice(0, 1) };
let hub: ScriptedHub;
let isolate: TestIsolate;
beforeAll(async () => {
  entries = await manyEntries();
});
beforeEach(async () => {
  hub = new ScriptedHub();
  isolate = new TestIsolate({ hub, kv: env.TABLE_KV, settings });
  await hub.publish('eu', entries, { term: 1, sequence: 1 }, BUCKETS);
});
afterEach(async () => {
  await isolate.settled();
  await reset();
});

describe('with 10,000 resources a cold isolate', () => {
  test.each(['hub', 'kv'] as const)(
    'knows the first caller and what it asked for after two round trips, with parts from the %s',
    async (place) => {
      if (place === 'kv') await moveToKv();
      const table = await isolate.pickup.table(() => digestOfKey(headers));
      const caller = await new Authenticator(() => isolate.time).authenticate(headers, table);
      expect(caller).toMatchObject({ type: 'Known', consumer: { id: 'team-11/c4711', cluster: 'eu' } });
      const [claim] = table.claimsOn('m77');
      expect(table.of('eu').model(claim?.route.models['m77'] ?? '')?.modelName).toBe('m77');
      expect(isolate.roundTrips).toBe(2);
    },
  );

  test('fetches one bucket of consumers beside all of the rest', async () => {
    await isolate.pickup.table(() => digestOfKey(headers));
    const wanted = isolate.callsTo('hub', 'getBlobs').map(({ arguments: [hashes] }) => hashes);
    // Of routes, models, providers and keys all buckets.
    expect(wanted).toEqual([expect.objectContaining({ length: 4 * BUCKETS + 1 })]);
  });

  test('fetches none for a caller without a key, nor for one whose key nobody knows what for', async () => {
    await isolate.pickup.table(() => digestOfKey(new Headers()));
    const [hashes] = isolate.callsTo('hub', 'getBlobs')[0]?.arguments ?? [];
    expect(hashes).toMatchObject({ length: 4 * BUCKETS });
  });

  test('parses its routes one bucket a turn of the event loop, before any request meets them', async () => {
    await isolate.pickup.table();
    // And one turn before the hub is told.
    expect(isolate.turns).toBe(BUCKETS + 1);
  });
});

test('one change is picked up by fetching and parsing what changed, and nothing else', async () => {
  const table = await isolate.pickup.table();
  const before = [routeOf('m77'), table.of('eu').model('team-1/m51')];
  await isolate.settled();
  const changed = { ...entries.routes, 'team-3/r3': aRoute({ models: { m3: 'team-3/m3' }, timeouts: { idle: 1 } }) };
  await hub.publish('eu', { ...entries, routes: changed }, { term: 1, sequence: 2 }, BUCKETS);
  isolate.forget();
  await isolate.pickup.refresh();
  await isolate.settled();
  expect(isolate.callsTo('hub', 'getBlobs').map(({ arguments: [hashes] }) => hashes)).toMatchObject([{ length: 1 }]);
  // One for the changed bucket, and one before the hub is told.
  expect(isolate.turns).toBe(2);
  expect(routeOf('m3')?.timeouts).toEqual({ idle: 1 });
  expect([routeOf('m77'), isolate.table('eu').model('team-1/m51')]).toEqual(before);
  expect(routeOf('m77')).toBe(before[0]);
  expect(isolate.table('eu').model('team-1/m51')).toBe(before[1]);
});

function routeOf(model: string) {
  return isolate.table('eu').claimsOn(model)[0]?.route;
}

/** KV shows everything: the hub names nothing as recent. */
async function moveToKv(): Promise<void> {
  for (const [sha256, bytes] of hub.blobs) await env.TABLE_KV.put(blobKey(sha256), bytes);
  hub.blobs.clear();
  hub.say('eu', { recent: [] });
}

async function manyEntries(): Promise<typeof entries> {
  const team = (i: number): string => `team-${i % 50}`;
  const many = <T>(count: number, entry: (i: number) => readonly [string, T]): Record<string, T> =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => entry(i)));
  const digests = await Promise.all(Array.from({ length: 8_000 }, (_, i) => sha256Hex(`sk-${i}`)));
  const consumers: SectionEntries['consumers'] = many(8_000, (i) => [
    digests[i] ?? '',
    aConsumer({ id: `${team(i)}/c${i}`, metadata: { owner: `owner-${i}@example.com` } }),
  ]);
  return {
    routes: many(500, (i) => [
      `${team(i)}/r${i}`,
      aRoute({ pathPrefix: `/app-${i}`, models: { [`m${i}`]: `${team(i)}/m${i}` } }),
    ]),
    models: many(1_000, (i) => [`${team(i)}/m${i}`, aModel({ modelName: `m${i}` })]),
    providers: many(200, (i) => [`${team(i)}/p${i}`, aProvider()]),
    consumers,
  };
}
