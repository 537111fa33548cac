import { reset } from 'cloudflare:test';
import { afterEach, describe, expect, test } from 'vitest';
import { blobKey } from '../../../contract/storage-keys.ts';
import { BLOB_GRACE_MS, KEPT_REVISIONS } from '../../../worker/table/retention.ts';
import { aModel, aRoute, makeTable, type MadeTable } from './make-table.ts';
import { question, withHub, type TestHub } from './test-hub.ts';
import { CLUSTER, OTHER_CLUSTER } from './test-keys.ts';
import { LAB, TestPublisher } from './test-publisher.ts';

afterEach(() => reset());

const HOUR = 3_600_000;
let published = 0;

/** A table with a part of its own and one that it shares with all others. */
const aTable = (own: string): Promise<MadeTable> =>
  makeTable({ models: { 'team/m': aModel({ modelName: own }) }, providers: {} });

/** Publishes so often that nothing is kept of what was current before. */
async function pushOut(publisher: TestPublisher): Promise<void> {
  for (let i = 0; i < KEPT_REVISIONS; i++) await publisher.publishTable(await aTable(`later-${published++}`));
}

const report = ({ hub }: TestHub, revision: string, cluster = CLUSTER) =>
  hub.poll(question({ [cluster]: revision }, { isolate: `serves-${revision}` }));

/** Time passes, an hour at a time, and the alarm rings when it is due. */
async function pass(test: TestHub, hours: number, each: () => Promise<unknown> = async () => undefined): Promise<void> {
  for (let i = 0; i < hours; i++) {
    test.time += HOUR;
    await each();
    while (test.alarm !== null && test.alarm <= test.time) await test.wake();
  }
}

const has = async ({ hub }: TestHub, { blobs }: MadeTable) =>
  (await hub.getBlobs([...blobs.keys()], 'agent')).length === blobs.size;

describe('collection spares', () => {
  test('what an isolate serves and reports, however long ago it was let go of, and for a day after the last report', async () => {
    await withHub(async (test) => {
      const publisher = new TestPublisher(test.hub);
      const old = await aTable('old');
      const revision = await publisher.publishTable(old);
      await test.wake();
      await pushOut(publisher);
      await pass(test, 100, () => report(test, revision));
      expect(await has(test, old)).toBe(true);
      expect([...old.blobs.keys()].every((sha256) => test.kv.has(blobKey(sha256)))).toBe(true);
      await pass(test, 23);
      expect(await has(test, old)).toBe(true);
      await pass(test, 3);
      expect(await has(test, old)).toBe(false);
    });
  });

  test('the parts that such a revision shares with others that nobody serves', async () => {
    await withHub(async (test) => {
      const publisher = new TestPublisher(test.hub);
      const tables = await Promise.all(
        ['/served', '/after'].map((pathPrefix) =>
          makeTable({ models: { 'team/m': aModel() }, routes: { 'team/r': aRoute({ pathPrefix }) } }),
        ),
      );
      const revisions: string[] = [];
      for (const table of tables) revisions.push(await publisher.publishTable(table));
      await pushOut(publisher);
      await pass(test, 60, () => report(test, revisions[0]!));
      expect(await Promise.all(tables.map((table) => has(test, table)))).toEqual([true, false]);
    });
  });

  test('it over a restart of the hub', async () => {
    const table = await aTable('old');
    const revision = await withHub(async (test) => {
      const publisher = new TestPublisher(test.hub);
      const published = await publisher.publishTable(table);
      await pushOut(publisher);
      await pass(test, 20);
      await report(test, published);
      return published;
    });
    await withHub(async (test) => {
      test.time += 20 * HOUR;
      await test.wake();
      await pass(test, 23);
      expect(await has(test, table)).toBe(true);
      expect(revision).toBeDefined();
    });
  });

  test('what a cluster that was evicted had, while an isolate still serves it', async () => {
    await withHub(async (test) => {
      const table = await aTable('evicted');
      const revision = await new TestPublisher(test.hub).publishTable(table);
      await test.hub.evict(CLUSTER);
      await pass(test, 50, () => report(test, revision));
      expect(await has(test, table)).toBe(true);
      await pass(test, 26);
      expect(await has(test, table)).toBe(false);
    });
  });

  test('what another cluster names too', async () => {
    await withHub(async (test) => {
      const table = await aTable('both');
      await new TestPublisher(test.hub, LAB).publishTable(table);
      const publisher = new TestPublisher(test.hub);
      await publisher.publishTable(table);
      await pushOut(publisher);
      await pass(test, 60);
      expect(await has(test, table)).toBe(true);
      await test.hub.evict(OTHER_CLUSTER);
      await pass(test, 26);
      expect(await has(test, table)).toBe(false);
    });
  });

  test('what is reported while KV is forgetting it', async () => {
    const table = await aTable('old');
    const [sha256] = [...table.blobs.keys()];
    let whileDeleting: (() => Promise<unknown>) | undefined;
    const kv = {
      get: async () => null,
      put: async () => undefined,
      delete: async (key: string) => {
        if (key === blobKey(sha256!)) await whileDeleting?.();
      },
    };
    await withHub(
      async (test) => {
        const publisher = new TestPublisher(test.hub);
        const revision = await publisher.publishTable(table);
        await pushOut(publisher);
        whileDeleting = () => report(test, revision);
        test.time += BLOB_GRACE_MS;
        await test.wake();
        expect(await has(test, table)).toBe(true);
      },
      { kv },
    );
  });
});

describe('collection takes', () => {
  test('what was let go of a day ago and that nobody reports, here and in KV', async () => {
    await withHub(async (test) => {
      const publisher = new TestPublisher(test.hub);
      const old = await aTable('old');
      await publisher.publishTable(old);
      await test.wake();
      expect([...old.blobs.keys()].every((sha256) => test.kv.has(blobKey(sha256)))).toBe(true);
      await pushOut(publisher);
      await pass(test, 23);
      expect(await has(test, old)).toBe(true);
      await pass(test, 2);
      expect(await has(test, old)).toBe(false);
      expect([...old.blobs.keys()].some((sha256) => test.kv.has(blobKey(sha256)))).toBe(false);
    });
  });
});
