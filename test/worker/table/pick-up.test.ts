import { reset, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { fromHex, sha256Hex } from '../../../contract/encoding.ts';
import { blobKey, HUB_NAME, pointerKey } from '../../../contract/storage-keys.ts';
import { hubClient } from '../../../worker/table/hub-client.ts';
import type { HubClient, PollQuestion } from '../../../worker/table/hub-protocol.ts';
import type { PickupDependencies } from '../../../worker/table/pick-up.ts';
import { TableUnavailable } from '../../../worker/table/table-unavailable.ts';
import { aConsumer, aModel, aProvider, aRoute, makeTable, smallTable } from './make-table.ts';
import { oneCluster, TestIsolate, unreachableHub } from './test-isolate.ts';
import { CLUSTER, STRANGERS_KEY } from './test-keys.ts';
import { signedPointer, TestPublisher } from './test-publisher.ts';

const hub = hubClient(env.TABLE_HUB);
const stub = () => env.TABLE_HUB.getByName(HUB_NAME);
let publisher: TestPublisher;
let isolates: TestIsolate[] = [];
beforeEach(() => {
  publisher = new TestPublisher(hub);
});
afterEach(async () => {
  for (const isolate of isolates) await isolate.settled();
  isolates = [];
  await reset();
});

describe('a cold isolate', () => {
  test('has the table after two round trips: the question, then everything that is missing at once', async () => {
    const revision = await publisher.publish(await smallTable(), 4);
    const isolate = await anIsolate();
    const table = await isolate.pickup.table();
    expect(isolate.roundTrips).toBe(2);
    expect(table.revision).toBe(revision);
    expect(table.of(CLUSTER).model('team/demo')).toEqual(aModel());
  });

  test('takes what KV has had for a while from KV, still within two round trips', async () => {
    await publisher.publish(await smallTable(), 4);
    await settledInKv();
    const isolate = await anIsolate();
    await isolate.pickup.table();
    expect(isolate.roundTrips).toBe(2);
    expect(isolate.callsTo('hub', 'getBlobs')).toEqual([]);
    expect(isolate.callsTo('kv', 'get').length).toBeGreaterThan(0);
  });

  test('loads all but the consumers, whom it loads bucket by bucket when it meets them', async () => {
    await publisher.publish(await smallTable(), 4);
    const isolate = await anIsolate();
    const table = await isolate.pickup.table();
    const digest = await sha256Hex('sk-one');
    expect(table.hasKey(fromHex(digest))).toBe(true);
    isolate.forget();
    expect(await table.consumer(digest)).toEqual({ ...aConsumer(), cluster: CLUSTER });
    expect(isolate.roundTrips).toBe(1);
    expect(table.consumer(digest)).toEqual({ ...aConsumer(), cluster: CLUSTER });
    expect(isolate.roundTrips).toBe(1);
  });

  test('that many requests meet at once asks once', async () => {
    await publisher.publish(await smallTable());
    const isolate = await anIsolate();
    const tables = await Promise.all(Array.from({ length: 10 }, async () => isolate.pickup.table()));
    expect(new Set(tables).size).toBe(1);
    await isolate.settled();
    // One question, and one report of what is served since.
    expect(isolate.callsTo('hub', 'poll')).toHaveLength(2);
  });

  test('without any table anywhere says so, as an error of ours', async () => {
    const isolate = await anIsolate();
    await expect(isolate.pickup.table()).rejects.toThrow(TableUnavailable);
    await expect(isolate.pickup.table()).rejects.toMatchObject({ reason: 'no-table' });
    expect(isolate.serving()).toEqual({ cluster: CLUSTER, revision: null, generation: null, confirmed: false });
  });

  test('that finds no table finds the one that is published later', async () => {
    const isolate = await anIsolate();
    await expect(isolate.pickup.table()).rejects.toThrow(TableUnavailable);
    const revision = await publisher.publish(await smallTable());
    expect((await isolate.pickup.table()).revision).toBe(revision);
  });
});

describe('in the steady state', () => {
  test('a request is served from memory, without a promise and without a round trip', async () => {
    await publisher.publish(await smallTable());
    const isolate = await anIsolate();
    const table = await isolate.pickup.table();
    const digest = await sha256Hex('sk-one');
    await table.consumer(digest);
    await isolate.settled();
    isolate.forget();
    for (let request = 0; request < 100; request++) {
      const held = isolate.pickup.table();
      if (held instanceof Promise) throw new Error('a request had to wait');
      expect(held.claimsOn('demo')).toHaveLength(1);
      expect(held.consumer(digest)).toEqual({ ...aConsumer(), cluster: CLUSTER });
    }
    expect(isolate.calls).toEqual([]);
  });

  test('a question that is due is asked behind the request, which does not wait', async () => {
    await publisher.publish(await smallTable());
    const isolate = await anIsolate();
    const before = await isolate.pickup.table();
    const revision = await publisher.publish({});
    isolate.time += 600;
    expect(isolate.pickup.table()).toBe(before);
    await isolate.settled();
    expect(isolate.pickup.current()?.revision).toBe(revision);
  });

  test('after an idle time beyond the bound the first request asks before it is served', async () => {
    await publisher.publish(await smallTable());
    const isolate = await anIsolate();
    await isolate.pickup.table();
    const revision = await publisher.publish({});
    isolate.time += 60_000;
    expect((await isolate.pickup.table()).revision).toBe(revision);
  });

  test('the hub hears at once what is served since', async () => {
    const isolate = await anIsolate();
    const revision = await publisher.publish(await smallTable());
    await isolate.pickup.table();
    await isolate.settled();
    expect((await hub.state(CLUSTER)).serving).toMatchObject([{ revision, count: 1 }]);
  });
});

describe('a new revision', () => {
  test('costs the buckets that changed: the others stay in memory, parsed as they are', async () => {
    const models = Object.fromEntries(Array.from({ length: 64 }, (_, i) => [`team/m${i}`, aModel()]));
    const entries = await smallTable({ models });
    await publisher.publish(entries, 8);
    const isolate = await anIsolate();
    const before = (await isolate.pickup.table()).of(CLUSTER).model('team/m1');
    const changed = { ...models, 'team/m0': aModel({ aliases: ['other'] }) };
    await publisher.publish({ ...entries, models: changed }, 8);
    isolate.forget();
    await isolate.pickup.refresh();
    const [blobs] = isolate.callsTo('hub', 'getBlobs');
    expect(blobs?.arguments[0]).toHaveLength(1);
    expect(isolate.callsTo('kv', 'get')).toEqual([]);
    expect(isolate.table().model('team/m0')?.aliases).toEqual(['other']);
    expect(isolate.table().model('team/m1')).toBe(before);
  });

  test('brings the consumers along whom this isolate has met: they wait once only', async () => {
    const digest = await sha256Hex('sk-one');
    const consumers = (team: string) => ({ [digest]: aConsumer({ team }) });
    await publisher.publish(await smallTable({ consumers: consumers('a') }), 2);
    const isolate = await anIsolate();
    await (await isolate.pickup.table()).consumer(digest);
    await publisher.publish(await smallTable({ consumers: consumers('b') }), 8);
    await isolate.pickup.refresh();
    expect(isolate.pickup.current()?.consumer(digest)).toEqual({ ...aConsumer({ team: 'b' }), cluster: CLUSTER });
  });

  test('leaves a request that began before with the table that it began with', async () => {
    await publisher.publish(await smallTable());
    const isolate = await anIsolate();
    const table = await isolate.pickup.table();
    await publisher.publish({});
    await isolate.pickup.refresh();
    expect(table.claimsOn('demo')).toHaveLength(1);
    expect(await table.consumer(await sha256Hex('sk-one'))).toEqual({ ...aConsumer(), cluster: CLUSTER });
  });

  test('that drops a key makes it unknown', async () => {
    await publisher.publish(await smallTable());
    const isolate = await anIsolate();
    await isolate.pickup.table();
    await publisher.publish(await smallTable({}, 'sk-two'));
    await isolate.pickup.refresh();
    const digest = await sha256Hex('sk-one');
    expect(isolate.pickup.current()?.hasKey(fromHex(digest))).toBe(false);
    expect(await isolate.pickup.current()?.consumer(digest)).toBeUndefined();
  });
});

describe('the hub is down', () => {
  test('for a cold isolate: it serves what KV has, and says that nobody has confirmed it', async () => {
    const revision = await publisher.publish(await smallTable());
    await settledInKv();
    const isolate = await anIsolate({ hub: unreachableHub });
    expect((await isolate.pickup.table()).revision).toBe(revision);
    expect(isolate.serving()).toMatchObject({ revision, confirmed: false });
    expect(isolate.logged.map(({ message }) => message)).toContain('the hub cannot be asked');
  });

  test('and KV too: it serves what an isolate before it left in the cache', async () => {
    const revision = await publisher.publish(await smallTable());
    const cache = await caches.open('test');
    const before = await anIsolate({ cache });
    await (await before.pickup.table()).consumer(await sha256Hex('sk-one'));
    await before.settled();
    const isolate = await anIsolate({ hub: unreachableHub, kv: brokenKv(), cache });
    const table = await isolate.pickup.table();
    expect(table.revision).toBe(revision);
    expect(table.claimsOn('demo')).toHaveLength(1);
    expect(isolate.serving().confirmed).toBe(false);
  });

  test('and KV and the cache too: 503', async () => {
    const isolate = await anIsolate({ hub: unreachableHub, kv: brokenKv(), cache: await caches.open('empty') });
    await expect(isolate.pickup.table()).rejects.toMatchObject({ reason: 'no-table' });
  });

  test('for a warm isolate: nobody waits, and it asks again later each time', async () => {
    await publisher.publish(await smallTable());
    const line = { down: false };
    const isolate = await anIsolate({ hub: interruptible(line) });
    const table = await isolate.pickup.table();
    await isolate.settled();
    line.down = true;
    isolate.time += 600;
    expect(isolate.pickup.table()).toBe(table);
    await isolate.settled();
    expect(isolate.serving().confirmed).toBe(false);
    isolate.forget();
    isolate.time += 900;
    expect(isolate.pickup.table()).toBe(table);
    expect(isolate.calls).toEqual([]);
    isolate.time += 200;
    expect(isolate.pickup.table()).toBe(table);
    await isolate.settled();
    expect(isolate.callsTo('hub', 'poll')).toHaveLength(1);
  });

  test('for an isolate back from idleness: it asks, and then serves what it holds', async () => {
    await publisher.publish(await smallTable());
    const line = { down: false };
    const isolate = await anIsolate({ hub: interruptible(line) });
    const table = await isolate.pickup.table();
    line.down = true;
    isolate.time += 3_600_000;
    expect(await isolate.pickup.table()).toBe(table);
    expect(isolate.serving()).toMatchObject({ revision: table.revision, confirmed: false });
  });

  test('for a while: what was published meanwhile is picked up when it is back', async () => {
    await publisher.publish(await smallTable());
    await settledInKv();
    const line = { down: true };
    const isolate = await anIsolate({ hub: interruptible(line) });
    await isolate.pickup.table();
    const revision = await publisher.publish({});
    line.down = false;
    isolate.time += 1_000;
    await isolate.pickup.table();
    await isolate.settled();
    expect(isolate.serving()).toMatchObject({ revision, confirmed: true });
  });

  test('or was wiped: the table in KV goes on being served, unconfirmed', async () => {
    const revision = await publisher.publish(await smallTable());
    await settledInKv();
    await runInDurableObject(stub(), (_, { storage }) => {
      for (const table of ['pointers', 'blobs', 'clusters']) storage.sql.exec(`DELETE FROM ${table}`);
    });
    const isolate = await anIsolate();
    expect((await isolate.pickup.table()).revision).toBe(revision);
    expect(isolate.serving()).toMatchObject({ revision, confirmed: false });
  });
});

describe('KV', () => {
  test('that is empty or down is not needed while the hub can be asked', async () => {
    await publisher.publish(await smallTable());
    await settledInKv();
    for (const key of (await env.TABLE_KV.list()).keys) await env.TABLE_KV.delete(key.name);
    for (const kv of [env.TABLE_KV, brokenKv()]) {
      const isolate = await anIsolate({ kv });
      expect((await isolate.pickup.table()).claimsOn('demo')).toHaveLength(1);
    }
  });

  test('with a corrupt blob is not believed: the hub has the right one', async () => {
    const table = await makeTable(await smallTable());
    await publisher.publish(await smallTable());
    await settledInKv();
    for (const sha256 of [table.sections.models[0], table.sections.keys[0]])
      await env.TABLE_KV.put(blobKey(sha256!), new Uint8Array([0xff, 0x00, 0x7b]));
    const isolate = await anIsolate();
    expect((await isolate.pickup.table()).of(CLUSTER).model('team/demo')).toEqual(aModel());
    expect(isolate.logged.filter(({ message }) => message === 'a blob is not what its name says')).toHaveLength(2);
  });

  test('with a corrupt blob and no hub: no table rather than that one', async () => {
    const table = await makeTable(await smallTable());
    await publisher.publish(await smallTable());
    await settledInKv();
    await env.TABLE_KV.put(
      blobKey(table.sections.providers[0]!),
      '{"team/provider":{"baseURL":"https://evil.example"}}',
    );
    const isolate = await anIsolate({ hub: unreachableHub });
    await expect(isolate.pickup.table()).rejects.toThrow(TableUnavailable);
  });

  test('into which somebody wrote a pointer of their own changes nothing', async () => {
    const table = await makeTable({ providers: { 'team/provider': aProvider({ baseURL: 'https://evil.example' }) } });
    for (const [sha256, bytes] of table.blobs) await env.TABLE_KV.put(blobKey(sha256), bytes);
    const signing = { generation: { term: 9, sequence: 9 }, replaces: null, key: STRANGERS_KEY };
    await env.TABLE_KV.put(pointerKey(CLUSTER), await signedPointer(table, signing));
    const isolate = await anIsolate({ hub: unreachableHub });
    await expect(isolate.pickup.table()).rejects.toThrow(TableUnavailable);
    expect(isolate.logged).toContainEqual(
      expect.objectContaining({
        message: 'a table was refused',
        fields: expect.objectContaining({ reason: expect.stringContaining('"stranger" may sign') }),
      }),
    );
  });

  test('into which an old pointer was put back brings nothing back while the hub can be asked', async () => {
    await publisher.publish(await smallTable());
    await settledInKv();
    const old = await env.TABLE_KV.get(pointerKey(CLUSTER));
    const revision = await publisher.publish({});
    await settledInKv();
    await env.TABLE_KV.put(pointerKey(CLUSTER), old!);
    const isolate = await anIsolate();
    expect((await isolate.pickup.table()).revision).toBe(revision);
  });
});

describe('an offered revision is refused, reported, and the good one stays, when', () => {
  const later = { generation: { term: 1, sequence: 9 }, replaces: null };

  test.each([
    ['a key signed it that nobody listed', { ...later, key: STRANGERS_KEY }, 'no key with the id "stranger"'],
    ['it is older than what is served', { ...later, generation: { term: 0, sequence: 7 } }, 'is not newer than 1.1'],
    ['it is of a newer schema', { ...later, change: { schemaVersion: 2 } }, 'it has schema version 2'],
    ['it is made for another edge', { ...later, change: { edge: 'https://other.example' } }, 'made for the edge'],
    ['it is of another cluster', { ...later, change: { cluster: 'other' } }, 'it is of the cluster other'],
    ['a part of it is missing', later, 'a part of the table is missing'],
  ])('%s', async (_, signing, reason) => {
    const unpublished = await makeTable({ models: { 'team/new': aModel() } });
    const { isolate, good, told } = await offered(await signedPointer(unpublished, signing));
    expect(isolate.serving().revision).toBe(good);
    expect(isolate.serving().confirmed).toBe(false);
    expect(told.at(-1)?.clusters[CLUSTER]).toMatchObject({
      serving: { revision: good },
      refused: { revision: 'offered', reason: expect.stringContaining(reason) },
    });
    expect((await hub.state(CLUSTER)).refused).toMatchObject([{ revision: 'offered', count: 1 }]);
  });

  test('it is left alone for a while, and then tried again', async () => {
    const table = await makeTable({ models: { 'team/new': aModel() } });
    const jws = await signedPointer(table, later);
    const { isolate } = await offered(jws);
    isolate.forget();
    await isolate.pickup.refresh();
    expect(isolate.callsTo('hub', 'getBlobs')).toEqual([]);
    for (const [sha256, bytes] of table.blobs) await hub.putBlob(sha256, bytes);
    isolate.time += 10_000;
    await isolate.pickup.refresh();
    expect(isolate.serving().revision).toBe('offered');
  });
});

test('a consumer whose bucket nobody has gets an error of ours, and the isolate asks for a newer table', async () => {
  await publisher.publish(await smallTable());
  const isolate = await anIsolate();
  const table = await isolate.pickup.table();
  const revision = await publisher.publish(await smallTable({ routes: { 'team/other': aRoute() } }, 'sk-one'));
  await runInDurableObject(stub(), (_, { storage }) => {
    storage.sql.exec('DELETE FROM blobs WHERE sha256 IN (SELECT sha256 FROM bucket_facts WHERE kind = ?)', 'consumers');
  });
  await settledInKv();
  const { sections } = await makeTable(await smallTable());
  await env.TABLE_KV.delete(blobKey(sections.consumers[0]!));
  isolate.time += 600;
  await expect(table.consumer(await sha256Hex('sk-one'))).rejects.toMatchObject({ reason: 'missing-blob' });
  await isolate.settled();
  expect(isolate.pickup.current()?.revision).toBe(revision);
});

/** An isolate that served a good table, and was then offered this one. */
async function offered(jws: string): Promise<{ isolate: TestIsolate; good: string; told: PollQuestion[] }> {
  const good = await publisher.publish(await smallTable());
  const told: PollQuestion[] = [];
  const lying = { on: false };
  const isolate = await anIsolate({
    hub: {
      ...hub,
      poll: async (question) => {
        told.push(question);
        const answer = await hub.poll(question);
        const news = answer.clusters[CLUSTER];
        if (!lying.on || !news) return answer;
        return { ...answer, clusters: { [CLUSTER]: { ...news, revision: 'offered', jws } } };
      },
    },
  });
  await isolate.pickup.table();
  await isolate.settled();
  lying.on = true;
  await isolate.pickup.refresh();
  await isolate.settled();
  return { isolate, good, told };
}

async function anIsolate(change: Partial<PickupDependencies> = {}): Promise<TestIsolate> {
  const isolate = new TestIsolate({ hub, kv: env.TABLE_KV, settings: await oneCluster(), ...change });
  isolates.push(isolate);
  return isolate;
}

/** KV has had everything that was published for long enough to show it everywhere. */
async function settledInKv(): Promise<void> {
  const newest = (await hub.state(CLUSTER)).current?.jws;
  const copied = async () => {
    await runDurableObjectAlarm(stub());
    return env.TABLE_KV.get(pointerKey(CLUSTER));
  };
  // KV takes one write a second of a key.
  await expect.poll(copied, { timeout: 5_000 }).toBe(newest);
  await runInDurableObject(stub(), (_, { storage }) => {
    storage.sql.exec('UPDATE blobs SET copied_at = 0');
  });
}

function interruptible(line: { down: boolean }): HubClient {
  return {
    ...hub,
    poll: (question) => (line.down ? unreachableHub.poll(question) : hub.poll(question)),
    getBlobs: (hashes, asker) => (line.down ? unreachableHub : hub).getBlobs(hashes, asker),
  };
}

function brokenKv(): KVNamespace {
  return new Proxy(env.TABLE_KV, {
    get: () => async () => {
      throw new Error('KV is down');
    },
  });
}
