import { evictDurableObject, reset, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MAX_BUCKET_BYTES, MAX_POINTER_LENGTH } from '../../../contract/buckets.ts';
import { sha256Hex, utf8Bytes } from '../../../contract/encoding.ts';
import { hubState } from '../../../contract/publish-api.ts';
import { revisionOf } from '../../../contract/revision.ts';
import { SCHEMA_VERSION } from '../../../contract/schema-version.ts';
import { blobKey, HUB_NAME, pointerKey } from '../../../contract/storage-keys.ts';
import { hubClient } from '../../../worker/table/hub-client.ts';
import { Hub } from '../../../worker/table/hub.ts';
import { BLOB_GRACE_MS, KEPT_REVISIONS } from '../../../worker/table/retention.ts';
import { aModel, aProvider, aRoute, makeTable, smallTable } from './make-table.ts';
import { CLUSTER, EDGE, SECOND_KEY, STRANGERS_KEY } from './test-keys.ts';
import { question, refused, settingsOf } from './test-hub.ts';
import { CLUSTER_UID, signedPointer, TestPublisher } from './test-publisher.ts';

const hub = hubClient(env.TABLE_HUB);
const stub = () => env.TABLE_HUB.getByName(HUB_NAME);
let publisher: TestPublisher;
beforeEach(() => {
  publisher = new TestPublisher(hub);
});
afterEach(() => reset());

const claim = (floor: { term: number; sequence: number } | null) =>
  hub.claimTerm(CLUSTER, { clusterUid: CLUSTER_UID, floor });
const age = (ms: number) =>
  runInDurableObject(stub(), (_, { storage }) => {
    storage.sql.exec('UPDATE blobs SET needed_at = needed_at - ?', ms);
  });
const count = (table: 'pointers' | 'blobs' | 'bucket_facts') =>
  runInDurableObject(stub(), (_, { storage }) => storage.sql.exec(`SELECT count(*) AS n FROM ${table}`).one()['n']);

/** What an isolate is told about the first cluster. */
const ask = async (revision: string | null, isolate = 'i1', knownSchemaVersions = [SCHEMA_VERSION]) => {
  const { clusters, ...timing } = await hub.poll(question({ [CLUSTER]: revision }, { isolate, knownSchemaVersions }));
  return { ...clusters[CLUSTER], ...timing };
};

describe('admission', () => {
  test('takes a table whose blobs are all there, and says what it is called', async () => {
    const table = await makeTable(await smallTable());
    const signing = await publisher.next();
    const outcome = await publisher.push(table, signing);
    expect(outcome).toEqual({
      revision: await revisionOf(await signedPointer(table, signing)),
      generation: signing.generation,
      changed: true,
    });
    const state = await hub.state(CLUSTER);
    expect(state.current?.pointer.sections).toEqual(table.sections);
    expect(hubState.parse(state)).toEqual(state);
  });

  test('of the pointer that is served already changes nothing and succeeds', async () => {
    const table = await makeTable(await smallTable());
    const signing = await publisher.next();
    await publisher.push(table, signing);
    expect(await publisher.push(table, signing)).toMatchObject({ changed: false, generation: signing.generation });
  });

  test('accepts either key while keys are rotated', async () => {
    const outcome = await publisher.push(await makeTable(await smallTable()), { key: SECOND_KEY });
    expect(outcome).toMatchObject({ changed: true });
  });

  test('takes an empty table', async () => {
    expect(await publisher.push(await makeTable({}))).toMatchObject({ changed: true });
  });

  test('takes a table of many buckets, and checks only those that are new', async () => {
    const routes = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`team/r${i}`, aRoute()]));
    await publisher.publish({ routes }, 8);
    await publisher.publish({ routes: { ...routes, 'team/r0': aRoute({ pathPrefix: '/new' }) } }, 8);
    const known = await runInDurableObject(stub(), (_, { storage }) =>
      storage.sql.exec('SELECT count(*) AS n FROM bucket_facts').one(),
    );
    expect(known).toEqual({ n: 9 });
  });
});

const small = async () => makeTable(await smallTable());

describe('a push is refused, and named is the rule', () => {
  test('signature: by a key that nobody listed', async () => {
    const refusal = refused(await publisher.push(await small(), { key: STRANGERS_KEY }));
    expect(refusal).toMatchObject({ rule: 'signature', current: null });
    expect(refusal.message).toContain('no key with the id "stranger" may sign it');
  });

  test('signature: by a key that took the name of a listed one', async () => {
    const outcome = await publisher.push(await small(), { key: { ...STRANGERS_KEY, kid: 'first' } });
    expect(refused(outcome)).toMatchObject({ rule: 'signature' });
  });

  test('signature: over something else', async () => {
    expect(refused(await hub.admit(CLUSTER, 'no pointer at all'))).toMatchObject({ rule: 'signature' });
  });

  test('schema-version: newer than this edge reads', async () => {
    const outcome = await publisher.push(await small(), { change: { schemaVersion: SCHEMA_VERSION + 1 } });
    expect(refused(outcome)).toMatchObject({ rule: 'schema-version' });
    expect(refused(outcome).message).toContain("deploy the agent's release of the worker first");
  });

  test('edge: made for another one', async () => {
    const outcome = await publisher.push(await small(), { change: { edge: 'https://staging.example.com' } });
    expect(refused(outcome)).toMatchObject({ rule: 'edge' });
    expect(refused(outcome).message).toContain(EDGE);
  });

  test('cluster: of another one', async () => {
    const outcome = await publisher.push(await small(), { change: { cluster: 'staging' } });
    expect(refused(outcome)).toMatchObject({ rule: 'cluster' });
  });

  test('cluster: pushed under a name that is not listed', async () => {
    const jws = await signedPointer(await small(), await publisher.next());
    expect(refused(await hub.admit('unheard-of', jws))).toMatchObject({ rule: 'cluster' });
  });

  test('cluster-uid: another cluster under the same name, for a push and for a term', async () => {
    await publisher.publish(await smallTable());
    const outcome = await publisher.push(await small(), { change: { clusterUid: 'uid-2' } });
    expect(refused(outcome)).toMatchObject({ rule: 'cluster-uid' });
    const claim = await hub.claimTerm(CLUSTER, { clusterUid: 'uid-2', floor: null });
    expect(refused(claim)).toMatchObject({ rule: 'cluster-uid' });
  });

  test('generation: not newer than what is served, as in a replay', async () => {
    const first = await publisher.next();
    await publisher.publish(await smallTable());
    await publisher.publish({});
    const outcome = refused(await publisher.push(await small(), first));
    expect(outcome).toMatchObject({ rule: 'generation', current: { term: 1, sequence: 2 } });
  });

  test('generation: of a term that has ended', async () => {
    const paused = await publisher.next();
    await new TestPublisher(hub).claimTerm();
    const outcome = refused(await publisher.push(await small(), paused));
    expect(outcome).toMatchObject({ rule: 'generation' });
    expect(outcome.message).toContain('Term 1 has ended');
  });

  test('generation: of a term that was never granted', async () => {
    const generation = { term: 7, sequence: 1 };
    expect(refused(await publisher.push(await small(), { generation }))).toMatchObject({ rule: 'generation' });
  });

  test('replaces: made from another table than the one that is served', async () => {
    await publisher.publish(await smallTable());
    for (const replaces of [null, { term: 1, sequence: 0 }]) {
      const outcome = refused(await publisher.push(await small(), { replaces }));
      expect(outcome).toMatchObject({ rule: 'replaces', current: { term: 1, sequence: 1 } });
    }
  });

  test('missing-blob: the pointer came before its blobs', async () => {
    const table = await small();
    const jws = await signedPointer(table, await publisher.next());
    expect(refused(await hub.admit(CLUSTER, jws))).toMatchObject({ rule: 'missing-blob' });
    await publisher.putBlobs(table);
    expect(await hub.admit(CLUSTER, jws)).toMatchObject({ changed: true });
  });

  test('blob-hash: bytes that are not what their name says', async () => {
    const fault = await hub.putBlob(await sha256Hex('something else'), utf8Bytes('{}'));
    expect(fault).toMatchObject({ rule: 'blob-hash' });
  });

  test('blob-size: a bucket of more than a megabyte, and a pointer', async () => {
    const bytes = new Uint8Array(MAX_BUCKET_BYTES + 1);
    expect(await hub.putBlob(await sha256Hex(bytes), bytes)).toMatchObject({ rule: 'blob-size' });
    expect(refused(await hub.admit(CLUSTER, 'a'.repeat(MAX_POINTER_LENGTH + 1)))).toMatchObject({ rule: 'blob-size' });
  });

  test.each([
    ['what is not JSON', '{'],
    [
      'a field of another shape than this version knows',
      `{"team/p":${JSON.stringify({ ...aProvider(), headers: 1 })}}`,
    ],
    ['an id that is none', '{"no-namespace":{}}'],
    ['an entry called __proto__', '{"__proto__":{}}'],
    ['JSON that is not canonical', '{ }'],
    ['a byte order mark', '\uFEFF{}'],
    ['a list', '[]'],
  ])('blob-schema: a bucket with %s', async (_, text) => {
    const bytes = utf8Bytes(text);
    const sha256 = await sha256Hex(bytes);
    const { sections } = await makeTable({});
    const table = { sections: { ...sections, providers: [sha256] }, blobs: new Map([[sha256, bytes]]) };
    expect(refused(await publisher.push(table))).toMatchObject({ rule: 'blob-schema' });
  });

  test('blob-schema: a bucket of one kind in the place of another', async () => {
    const { sections, blobs } = await small();
    const swapped = { sections: { ...sections, models: sections.routes, routes: [] }, blobs };
    expect(refused(await publisher.push(swapped))).toMatchObject({ rule: 'blob-schema' });
    const noKeys = { sections: { ...sections, keys: sections.routes }, blobs };
    expect(refused(await publisher.push(noKeys)).message).toContain('does not begin with FLK1');
  });

  test('blob-schema: entries in a bucket where no isolate would look for them', async () => {
    const models = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`team/m${i}`, aModel()]));
    const { sections, blobs } = await makeTable({ models }, 4);
    const turned = { sections: { ...sections, models: sections.models.toReversed() }, blobs };
    const outcome = refused(await publisher.push(turned));
    expect(outcome).toMatchObject({ rule: 'blob-schema' });
    expect(outcome.message).toContain('belong into other buckets');
  });

  test('and nothing has changed: the table before it is still served', async () => {
    const revision = await publisher.publish(await smallTable());
    await publisher.push(await makeTable({ models: { 'team/x': aModel() } }), { key: STRANGERS_KEY });
    expect((await hub.state(CLUSTER)).current?.revision).toBe(revision);
  });
});

describe('terms', () => {
  test('grow with every claim, and above what the claimant has seen', async () => {
    expect(await claim(null)).toEqual({ term: 1 });
    expect(await claim({ term: 1, sequence: 9 })).toEqual({ term: 2 });
    expect(await claim({ term: 41, sequence: 2 })).toEqual({ term: 42 });
    expect(await claim({ term: 5, sequence: 0 })).toEqual({ term: 43 });
  });

  test('are given to one claimant each, however many claim at once', async () => {
    const terms = await Promise.all(Array.from({ length: 5 }, () => new TestPublisher(hub).claimTerm()));
    expect(new Set(terms).size).toBe(5);
  });

  test('of a wiped hub go on above what the status of the cluster knows', async () => {
    expect(await publisher.claimTerm({ term: 9, sequence: 3 })).toBe(10);
    await publisher.publish(await smallTable());
    expect((await hub.state(CLUSTER)).current?.pointer.generation).toEqual({ term: 10, sequence: 1 });
  });
});

describe('a restart of the hub', () => {
  test('loses nothing that was admitted, pinned or granted', async () => {
    const revision = await publisher.publish(await smallTable());
    await evictDurableObject(stub());
    const state = await hub.state(CLUSTER);
    expect(state).toMatchObject({ current: { revision }, term: 1, serving: [] });
    const blobs = await hub.getBlobs(Object.values(state.current!.pointer.sections).flat(), 'agent');
    expect(blobs).toHaveLength(5);
    const claim = await hub.claimTerm(CLUSTER, { clusterUid: 'uid-2', floor: null });
    expect(refused(claim)).toMatchObject({ rule: 'cluster-uid' });
  });

  test.each(['claim', 'missing', 'blobs', 'pointer'] as const)(
    'in the middle of a push, after "%s", lets the agent go on or begin again',
    async (interruptedAfter) => {
      const table = await makeTable(await smallTable());
      const signing = await publisher.next();
      if (interruptedAfter !== 'claim') await hub.missingBlobs([...table.blobs.keys()]);
      if (interruptedAfter === 'blobs' || interruptedAfter === 'pointer') await publisher.putBlobs(table);
      if (interruptedAfter === 'pointer') await publisher.push(table, signing);
      await evictDurableObject(stub());
      expect(await publisher.push(table, signing)).toMatchObject({ changed: interruptedAfter !== 'pointer' });
      const again = new TestPublisher(hub);
      await again.claimTerm();
      await again.publish({});
    },
  );
});

describe('copies in KV', () => {
  test('are made of every blob and the pointer', async () => {
    await publisher.publish(await smallTable());
    await runDurableObjectAlarm(stub());
    const { current } = await hub.state(CLUSTER);
    expect(await env.TABLE_KV.get(pointerKey(CLUSTER))).toBe(current?.jws);
    for (const sha256 of Object.values(current!.pointer.sections).flat())
      expect(await sha256Hex(new Uint8Array((await env.TABLE_KV.get(blobKey(sha256), 'arrayBuffer'))!))).toBe(sha256);
  });

  test('are made again where KV fails, the pointer only after all blobs', async () => {
    await publisher.claimTerm();
    const settings = await settingsOf();
    const writes = await runInDurableObject(stub(), async (_, { storage }) => {
      const written: string[] = [];
      let failing = true;
      const kv = {
        put: async (key: string) => {
          if (failing && written.length >= 2) throw new Error('KV is down');
          written.push(key);
        },
        delete: async () => undefined,
      };
      const failingHub = new Hub({
        settings,
        storage,
        kv: { ...kv, get: async () => null },
        inboxes: {},
        log: () => undefined,
        now: Date.now,
        random: Math.random,
      });
      const table = await makeTable(await smallTable());
      for (const [sha256, bytes] of table.blobs) await failingHub.putBlob(sha256, bytes);
      await failingHub.admit(CLUSTER, await signedPointer(table, await publisher.next()));
      await failingHub.alarm();
      const before = [...written];
      failing = false;
      await failingHub.alarm();
      return { before, after: written };
    });
    expect(writes.before).not.toContain(pointerKey(CLUSTER));
    expect(writes.after).toHaveLength(6);
    expect(new Set(writes.after).size).toBe(6);
    expect(writes.after.at(-1)).toBe(pointerKey(CLUSTER));
  });
});

describe('what is kept', () => {
  let published = 0;
  const publishModels = async (count: number) => {
    for (let i = 0; i < count; i++)
      await publisher.publish({ models: { 'team/m': aModel({ modelName: `m${published++}` }) } });
  };

  test('is the current revision and the ten before it, each whole', async () => {
    await publishModels(KEPT_REVISIONS + 3);
    expect(await count('pointers')).toBe(KEPT_REVISIONS);
    await age(2 * BLOB_GRACE_MS);
    await runDurableObjectAlarm(stub());
    expect(await count('blobs')).toBe(KEPT_REVISIONS);
    expect(await count('bucket_facts')).toBe(KEPT_REVISIONS);
  });

  test('is a day longer what has just been let go of', async () => {
    await publishModels(KEPT_REVISIONS);
    await age(2 * BLOB_GRACE_MS);
    await publishModels(3);
    await runDurableObjectAlarm(stub());
    expect(await count('blobs')).toBe(KEPT_REVISIONS + 3);
  });

  test('is what a push has asked for, however old: collection does not race it', async () => {
    const table = await makeTable({ models: { 'team/old': aModel() } });
    await publisher.putBlobs(table);
    await age(2 * BLOB_GRACE_MS);
    expect(await hub.missingBlobs([...table.blobs.keys()])).toEqual([]);
    await publishModels(1);
    await runDurableObjectAlarm(stub());
    expect(await publisher.push(table)).toMatchObject({ changed: true });
  });

  test('goes from KV too when it is collected', async () => {
    const table = await makeTable({ models: { 'team/old': aModel() } });
    const [sha256] = [...table.blobs.keys()];
    await publisher.putBlobs(table);
    await env.TABLE_KV.put(blobKey(sha256!), 'x');
    await age(2 * BLOB_GRACE_MS);
    await publishModels(1);
    await runDurableObjectAlarm(stub());
    expect(await env.TABLE_KV.get(blobKey(sha256!))).toBeNull();
    expect(await hub.missingBlobs([sha256!])).toEqual([sha256]);
  });
});

describe('a poll', () => {
  test('brings the pointer to whoever serves another revision, and only to them', async () => {
    const revision = await publisher.publish(await smallTable());
    const { current } = await hub.state(CLUSTER);
    expect(await ask(null)).toMatchObject({ revision, jws: current?.jws, nextPollMs: 500, staleAfterMs: 1000 });
    expect(await ask(revision)).not.toHaveProperty('jws');
  });

  test('names the blobs that KV may not show yet', async () => {
    await publisher.publish(await smallTable());
    const { current } = await hub.state(CLUSTER);
    const named = Object.values(current!.pointer.sections).flat();
    expect((await ask(null)).recent?.toSorted()).toEqual(named.toSorted());
    await runInDurableObject(stub(), (_, { storage }) => {
      storage.sql.exec('UPDATE blobs SET copied_at = ?', Date.now() - 600_000);
    });
    expect((await ask(null)).recent).toEqual([]);
  });

  test('gives nothing to an isolate that cannot read what there is', async () => {
    await publisher.publish(await smallTable());
    expect(await ask(null, 'i1', [SCHEMA_VERSION + 1])).toMatchObject({ revision: null });
  });

  test('is counted: which isolates serve what, and who refused what and why', async () => {
    const revision = await publisher.publish(await smallTable());
    await Promise.all([ask(revision, 'i1'), ask(revision, 'i2'), ask(null, 'i3')]);
    const refusedOne = { revision, reason: 'a blob is missing' };
    await hub.poll({
      ...question({}, { isolate: 'i3' }),
      clusters: { [CLUSTER]: { serving: null, refused: refusedOne } },
    });
    expect(await hub.state(CLUSTER)).toMatchObject({
      serving: [
        { revision, count: 2 },
        { revision: null, count: 1 },
      ],
      refused: [{ ...refusedOne, count: 1 }],
    });
  });
});
