import { reset } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { pointerKey, blobKey } from '../../../contract/storage-keys.ts';
import type { PickupDependencies } from '../../../worker/table/pick-up.ts';
import { TableUnavailable } from '../../../worker/table/table-unavailable.ts';
import { aModel, aRoute, smallTable } from './make-table.ts';
import { ScriptedHub, signed, twoClusters, type ClusterName } from './scripted-hub.ts';
import { TestIsolate } from './test-isolate.ts';

const settings = await twoClusters();
const FIRST = { term: 1, sequence: 1 };
const SECOND = { term: 1, sequence: 2 };
let hub: ScriptedHub;
let isolates: TestIsolate[] = [];
beforeEach(() => {
  hub = new ScriptedHub();
});
afterEach(async () => {
  for (const isolate of isolates) await isolate.settled();
  isolates = [];
  await reset();
});

describe('the tables of two clusters', () => {
  test('are had by one question, and by what is missing of both at once', async () => {
    const revisions = [await publish('eu'), await publish('us')];
    const isolate = anIsolate();
    const table = await isolate.pickup.table();
    expect(isolate.roundTrips).toBe(2);
    expect(table.clusters.map(({ revision }) => revision)).toEqual(revisions);
    expect(hub.asked[0]?.clusters).toEqual({ eu: { serving: null }, us: { serving: null } });
    await isolate.settled();
    // One report for both.
    expect(hub.asked).toHaveLength(2);
    expect(hub.asked[1]?.clusters).toMatchObject({
      eu: { serving: { revision: revisions[0], generation: FIRST } },
      us: { serving: { revision: revisions[1], generation: FIRST } },
    });
  });

  test('change each by itself: the other stays the very same', async () => {
    await publish('eu');
    await publish('us');
    const isolate = anIsolate();
    const before = await isolate.pickup.table();
    const revision = await publish('us', SECOND);
    await isolate.pickup.refresh();
    expect(isolate.table('us').revision).toBe(revision);
    expect(isolate.table('eu')).toBe(before.of('eu'));
    const same = isolate.pickup.current();
    await isolate.pickup.refresh();
    expect(isolate.pickup.current()).toBe(same);
  });

  test('are told apart: a pointer of one cluster is not another’s, whoever offers it', async () => {
    await publish('eu');
    const { jws, revision } = await signed('eu', await smallTable(), SECOND);
    hub.say('us', { revision, jws });
    const isolate = anIsolate();
    await isolate.pickup.table();
    expect(isolate.serving('us').revision).toBeNull();
    await isolate.settled();
    expect(hub.asked.at(-1)?.clusters['us']).toMatchObject({ serving: null, refused: { revision } });
  });
});

describe('a cluster whose table cannot be loaded', () => {
  test('keeps no other from being served, and what is found nowhere may be its own', async () => {
    await publish('eu');
    const { jws, revision } = await signed('us', await smallTable({ models: { 'team/lost': aModel() } }), FIRST);
    hub.say('us', { revision, jws, floor: FIRST });
    const isolate = anIsolate();
    const table = await isolate.pickup.table();
    expect(table.clusters.map(({ cluster }) => cluster)).toEqual(['eu']);
    expect(table.unavailable).toEqual(['us']);
    expect(isolate.serving('eu').confirmed).toBe(true);
    expect(isolate.serving('us')).toMatchObject({ revision: null, confirmed: false });
  });

  test('is served as soon as it can be', async () => {
    await publish('eu');
    const entries = await smallTable({ models: { 'team/late': aModel() } });
    const { jws, revision, blobs } = await signed('us', entries, FIRST);
    hub.say('us', { revision, jws, floor: FIRST, recent: [...blobs.keys()] });
    const isolate = anIsolate();
    await isolate.pickup.table();
    for (const [sha256, bytes] of blobs) hub.blobs.set(sha256, bytes);
    isolate.time += 10_000;
    await isolate.pickup.refresh();
    expect(isolate.table('us').revision).toBe(revision);
    expect(isolate.pickup.current()?.unavailable).toEqual([]);
  });

  test('whose parts never come keeps nobody waiting for long', async () => {
    await publish('eu');
    const isolate = anIsolate({
      hub: { poll: (question) => hub.poll(question), getBlobs: (hashes) => slowFor('us', hashes) },
    });
    const { jws, revision, hashes } = await signed('us', { models: { 'team/slow': aModel() } }, FIRST);
    hub.say('us', { revision, jws, recent: hashes, floor: FIRST });
    slow.add(hashes[0] ?? '');
    const table = await isolate.pickup.table();
    expect(table.unavailable).toEqual(['us']);
    release();
    await isolate.settled();
  });
});

describe('a cluster that never published', () => {
  test('is not missed: the other is served alone, as if there were no other', async () => {
    await publish('us');
    const isolate = anIsolate();
    const table = await isolate.pickup.table();
    expect(table.unavailable).toEqual([]);
    expect(table).toBe(isolate.table('us'));
  });

  test('costs no look at KV with each question', async () => {
    await publish('us');
    const isolate = anIsolate();
    await isolate.pickup.table();
    isolate.forget();
    for (let i = 0; i < 5; i++) await isolate.pickup.refresh();
    expect(isolate.callsTo('kv', 'get')).toEqual([]);
  });

  test('may have published, as long as the hub cannot be asked', async () => {
    await leaveInKv('us', FIRST);
    hub.isDown = true;
    expect((await anIsolate().pickup.table()).unavailable).toEqual(['eu']);
  });
});

describe('an evicted cluster', () => {
  test('is served no more, and the other goes on', async () => {
    await publish('eu');
    await publish('us');
    const isolate = anIsolate();
    await isolate.pickup.table();
    hub.evict('us', FIRST);
    await isolate.pickup.refresh();
    expect(isolate.serving('us')).toMatchObject({ revision: null, generation: null });
    expect(isolate.pickup.current()?.clusters.map(({ cluster }) => cluster)).toEqual(['eu']);
    expect(isolate.pickup.current()?.unavailable).toEqual([]);
    await isolate.settled();
    expect(hub.asked.at(-1)?.clusters['us']).toEqual({ serving: null });
  });

  test('leaves a request that began before with the table that it began with', async () => {
    await publish('us');
    const isolate = anIsolate();
    const table = await isolate.pickup.table();
    hub.evict('us', FIRST);
    await isolate.pickup.refresh();
    expect(table.claimsOn('demo')).toHaveLength(1);
    expect(isolate.pickup.current()).toBeUndefined();
  });

  test('does not come back from KV or the cache, where its table may still lie', async () => {
    const cache = await caches.open('evicted');
    await publish('us');
    await leaveInKv('us', FIRST);
    const before = anIsolate({ cache });
    await before.pickup.table();
    await before.settled();
    hub.evict('us', FIRST);
    await expect(anIsolate({ cache }).pickup.table()).rejects.toThrow(TableUnavailable);
    await before.pickup.refresh();
    hub.isDown = true;
    await env.TABLE_KV.delete(pointerKey('us'));
    await expect(anIsolate({ cache }).pickup.table()).rejects.toThrow(TableUnavailable);
  });

  test('keeps what was published after the eviction', async () => {
    const isolate = anIsolate();
    const revision = await publish('us', SECOND);
    await isolate.pickup.table();
    hub.evict('us', FIRST);
    await isolate.pickup.refresh();
    expect(isolate.serving('us').revision).toBe(revision);
  });

  test('that publishes again is served again', async () => {
    await publish('us');
    const isolate = anIsolate();
    await isolate.pickup.table();
    hub.evict('us', FIRST);
    await isolate.pickup.refresh();
    const revision = await publish('us', { term: 2, sequence: 1 });
    await isolate.pickup.refresh();
    expect(isolate.serving('us')).toMatchObject({ revision, confirmed: true });
  });
});

describe('below the generation that the hub knows of', () => {
  test.each(['kv', 'cache'] as const)(
    'nothing is taken from the %s, also where the hub has no table to offer',
    async (place) => {
      const cache = await caches.open(`floor-${place}`);
      await leaveBehind(place, cache);
      hub.say('us', { floor: SECOND });
      await expect(anIsolate({ cache }).pickup.table()).rejects.toThrow(TableUnavailable);
      hub.say('us', { floor: FIRST });
      expect((await anIsolate({ cache }).pickup.table()).clusters).toHaveLength(1);
    },
  );

  test('nothing is taken while the hub is down, once it has told of it', async () => {
    await leaveInKv('us', FIRST);
    hub.say('us', { floor: SECOND });
    const isolate = anIsolate();
    await expect(isolate.pickup.table()).rejects.toThrow(TableUnavailable);
    hub.isDown = true;
    isolate.time += 60_000;
    await expect(isolate.pickup.table()).rejects.toThrow(TableUnavailable);
  });

  async function leaveBehind(place: 'kv' | 'cache', cache: Cache): Promise<void> {
    if (place === 'kv') return leaveInKv('us', FIRST);
    await publish('us');
    const before = anIsolate({ cache });
    await before.pickup.table();
    await before.settled();
    hub = new ScriptedHub();
  }
});

describe('while the hub cannot be asked', () => {
  test('each cluster starts from KV, unconfirmed, and is confirmed when the hub is back', async () => {
    await leaveInKv('eu', FIRST);
    await leaveInKv('us', FIRST);
    hub.isDown = true;
    const isolate = anIsolate();
    expect((await isolate.pickup.table()).clusters).toHaveLength(2);
    expect(isolate.pickup.served().clusters.map(({ confirmed }) => confirmed)).toEqual([false, false]);
    await publish('eu', SECOND);
    hub.isDown = false;
    await isolate.pickup.refresh();
    // The hub has nothing of the other: wiped, it may be.
    expect(isolate.pickup.served().clusters.map(({ confirmed }) => confirmed)).toEqual([true, false]);
    expect(isolate.serving('us').revision).not.toBeNull();
  });
});

describe('an answer that comes late', () => {
  test('says nothing that a later question’s answer has overtaken', async () => {
    await publish('us');
    const held = Promise.withResolvers<void>();
    let isFirst = true;
    const isolate = anIsolate({
      hub: {
        getBlobs: (hashes) => hub.getBlobs(hashes),
        poll: async (question) => {
          const answer = await hub.poll(question);
          if (!isFirst) return answer;
          isFirst = false;
          await held.promise;
          return answer;
        },
      },
    });
    const first = isolate.pickup.refresh();
    hub.evict('us', FIRST);
    await isolate.pickup.refresh();
    held.resolve();
    await first;
    expect(isolate.serving('us').revision).toBeNull();
  });
});

describe('what the hub says of inference services', () => {
  test('is handed on for each cluster with each answer, and dates from the question', async () => {
    await publish('eu');
    hub.say('eu', { signals: [{ provider: 'team/gpu', ready: 0, forMs: 9_000 }] });
    const isolate = anIsolate();
    await isolate.pickup.table();
    expect(isolate.signals.get('eu')).toEqual({
      signals: [{ provider: 'team/gpu', ready: 0, forMs: 9_000 }],
      saidAt: isolate.time,
    });
    hub.say('eu', { signals: [] });
    await isolate.pickup.refresh();
    expect(isolate.signals.get('eu')?.signals).toEqual([]);
  });
});

const slow = new Set<string>();
let release: () => void = () => undefined;
async function slowFor(_: ClusterName, hashes: readonly string[]) {
  if (hashes.some((sha256) => slow.has(sha256)))
    await new Promise<void>((resolve) => {
      release = resolve;
    });
  return hub.getBlobs(hashes);
}

async function publish(cluster: ClusterName, generation = FIRST): Promise<string> {
  return hub.publish(cluster, await smallTable({ routes: { [`${cluster}/route`]: aRoute() } }), generation);
}

/** As the hub copied it there. */
async function leaveInKv(cluster: ClusterName, generation = FIRST): Promise<void> {
  const { jws, blobs } = await signed(cluster, await smallTable(), generation);
  for (const [sha256, bytes] of blobs) await env.TABLE_KV.put(blobKey(sha256), bytes);
  await env.TABLE_KV.put(pointerKey(cluster), jws);
}

function anIsolate(change: Partial<PickupDependencies> = {}): TestIsolate {
  const isolate = new TestIsolate({ hub, kv: env.TABLE_KV, settings, ...change });
  isolates.push(isolate);
  return isolate;
}
