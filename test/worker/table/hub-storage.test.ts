import { reset, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, expect, test } from 'vitest';
import { HUB_NAME, pointerKey } from '../../../contract/storage-keys.ts';
import { RECOPY_EVERY_MS } from '../../../worker/table/copy-to-kv.ts';
import { BLOB_GRACE_MS, KEPT_REVISIONS } from '../../../worker/table/retention.ts';
import { makeTable, smallTable } from './make-table.ts';
import { withHub } from './test-hub.ts';
import { CLUSTER } from './test-keys.ts';
import { CLUSTER_UID, signedPointer, TestPublisher } from './test-publisher.ts';

afterEach(() => reset());

/** What a hub of the first release had made. */
const FIRST_TABLES = `
  CREATE TABLE clusters (name TEXT PRIMARY KEY, uid TEXT, term INTEGER NOT NULL DEFAULT 0, copied_revision TEXT);
  CREATE TABLE pointers (
    cluster TEXT NOT NULL, term INTEGER NOT NULL, sequence INTEGER NOT NULL,
    revision TEXT NOT NULL, schema_version INTEGER NOT NULL, jws TEXT NOT NULL,
    PRIMARY KEY (cluster, term, sequence)
  );
  CREATE TABLE blobs (sha256 TEXT PRIMARY KEY, bytes BLOB NOT NULL, needed_at INTEGER NOT NULL, copied_at INTEGER);`;

test('a hub goes on with what a hub of the first release kept', async () => {
  const table = await makeTable(await smallTable());
  const jws = await signedPointer(table, { generation: { term: 3, sequence: 4 }, replaces: null });
  await runInDurableObject(env.TABLE_HUB.getByName(HUB_NAME), (_, { storage }) => {
    storage.sql.exec(FIRST_TABLES);
    storage.sql.exec('INSERT INTO clusters (name, uid, term) VALUES (?, ?, 3)', CLUSTER, CLUSTER_UID);
    storage.sql.exec('INSERT INTO pointers VALUES (?, 3, 4, ?, 1, ?)', CLUSTER, 'first', jws);
    for (const [sha256, bytes] of table.blobs)
      storage.sql.exec('INSERT INTO blobs VALUES (?, ?, 0, NULL)', sha256, bytes.buffer);
  });
  await withHub(async (test) => {
    expect(await test.hub.state(CLUSTER)).toMatchObject({ current: { revision: 'first' }, term: 3 });
    const publisher = new TestPublisher(test.hub);
    for (let i = 0; i < KEPT_REVISIONS; i++) await publisher.publish({});
    test.time += BLOB_GRACE_MS + 1;
    await test.wake();
    expect(await test.hub.getBlobs([...table.blobs.keys()], 'agent')).toEqual([]);
  });
});

test('the pointer in KV is written once a second at most, and the last one comes to stand there', async () => {
  const writes: { at: number; key: string }[] = [];
  let now = 0;
  const kv = {
    get: async () => null,
    put: async (key: string) => {
      if (key === pointerKey(CLUSTER)) writes.push({ at: now, key });
    },
    delete: async () => undefined,
  };
  await withHub(
    async (test) => {
      const publisher = new TestPublisher(test.hub);
      for (let i = 0; i < 8; i++) {
        await publisher.publish(i % 2 === 0 ? {} : await smallTable());
        await test.wake();
        test.time += 300;
        now = test.time;
      }
      while (test.alarm !== null && test.alarm - test.time < BLOB_GRACE_MS / 2) {
        test.time = test.alarm;
        now = test.time;
        await test.wake();
      }
      const gaps = writes.slice(1).map(({ at }, i) => at - (writes[i]?.at ?? 0));
      expect(writes.length).toBeGreaterThan(2);
      expect(Math.min(...gaps)).toBeGreaterThanOrEqual(1_000);
    },
    { kv },
  );
});

test('what KV has lost is copied there again once an isolate misses any of it, and not at every question', async () => {
  await withHub(async (test) => {
    await new TestPublisher(test.hub).publish(await smallTable());
    await test.wake();
    const copied = new Map(test.kv);
    test.kv.clear();
    const hashes = Object.values((await test.hub.state(CLUSTER)).current!.pointer.sections).flat();
    const ask = async (asker: 'agent' | 'isolate') => {
      test.alarm = null;
      await test.hub.getBlobs(hashes.slice(0, 1), asker);
      return test.alarm;
    };
    expect(await ask('isolate')).toBeNull();
    test.time += RECOPY_EVERY_MS;
    expect(await ask('agent')).toBeNull();
    expect(await ask('isolate')).toBeGreaterThan(test.time);
    await test.wake();
    expect(test.kv).toEqual(copied);
    expect(await ask('isolate')).toBeNull();
  });
});
