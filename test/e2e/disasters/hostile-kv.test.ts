import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { importSigningKey, signPointer } from '../../../contract/revision.ts';
import type { Pointer } from '../../../contract/routing-table.ts';
import { blobKey, pointerKey } from '../../../contract/storage-keys.ts';
import { makeSigningKey } from '../../../sync-agent/keys.ts';
import type { ClusterUnderTest } from '../../support/cluster-under-test.ts';
import { startEdgeUnderTest, type EdgeUnderTest } from '../../support/edge-under-test.ts';
import { fails } from '../../support/faults.ts';
import { healthOf } from '../../support/health.ts';
import { consumer } from '../../support/resource-files.ts';

/** KV is trusted after two minutes only, which a test has not. */
const TRUST_KV_AT_ONCE = {
  'worker/table/copy-to-kv.ts': (source: string) => source.replace('KV_LAG_MS = 120_000', 'KV_LAG_MS = 0'),
};

/** Somebody has the right to write to the edge's KV, and nothing else. */
describe('who can write to KV cannot change what is served', () => {
  let world: EdgeUnderTest;
  let cluster: ClusterUnderTest;
  let step = 0;
  /** Of the tables that were served, the oldest first. */
  const pointers: string[] = [];

  beforeAll(async () => {
    world = await startEdgeUnderTest({ replace: TRUST_KV_AT_ONCE });
    cluster = world.cluster;
  });
  afterEach(() => world.endTest());
  afterAll(() => world?.dispose());

  const publish = async (): Promise<void> => {
    await cluster.publish(++step);
    pointers.push(await world.copiedToKv());
  };
  const currentPointer = async (): Promise<Pointer> => {
    const { current } = await (await cluster.calls()).state();
    if (current === null) throw new Error('the hub holds nothing');
    return current.pointer;
  };
  const hashesInUse = async (): Promise<string[]> => Object.values((await currentPointer()).sections).flat();
  const second = 1;

  test('an old pointer put back is not taken: by those that serve a newer one, and by those that are born', async () => {
    await publish();
    await publish();
    const client = world.startClient();
    await client.sees(step);
    await world.edge.kv.put(pointerKey('test'), pointers[0] ?? '');
    await client.rounds(5);
    await world.restartIsolate(second, { emptyCache: true });
    await client.sees(step);
    await client.rounds(5);
    await client.sees(step);
  });

  test('an old pointer put back while the hub is down starts an isolate, which says that it is unconfirmed and goes on to the newest with the hub', async () => {
    await publish();
    await publish();
    const [warm = '', cold = ''] = world.edge.urls;
    const client = world.startClient(cluster, [warm]);
    await client.sees(step);
    await world.edge.hub.stop();
    await world.edge.kv.put(pointerKey('test'), pointers.at(-2) ?? '');
    await world.restartIsolate(second, { emptyCache: true });
    // To it the replayed table is the newest that it has ever seen: nobody could tell it better.
    const newcomer = world.startClient(cluster, [cold]);
    await newcomer.sees(step - 1);
    expect(await healthOf(cold)).toMatchObject({ status: 200, confirmed: false });
    await client.rounds(3);
    await world.edge.hub.start();
    await newcomer.sees(step);
    await client.sees(step);
  });

  test('a pointer that no trusted key signed starts nobody, and the hub mends it', async () => {
    await publish();
    const stranger = await importSigningKey((await makeSigningKey()).privateJwk);
    const { generation, ...rest } = await currentPointer();
    const newer = { ...rest, generation: { term: generation.term + 100, sequence: 1 } };
    await world.edge.kv.put(pointerKey('test'), await signPointer(newer, stranger));
    const client = world.startClient();
    await client.sees(step);
    await world.edge.hub.stop();
    client.tolerate(503);
    const [, cold = ''] = world.edge.urls;
    await world.restartIsolate(second, { emptyCache: true });
    await client.seesStatus(503, [cold]);
    await world.edge.hub.start();
    await client.sees(step);
  });

  test('blobs that were spoilt are told by their hash and fetched from the hub; without the hub a valid key gets 503, never 401', async () => {
    await publish();
    const client = world.startClient();
    await client.sees(step);
    for (const hash of await hashesInUse()) await world.edge.kv.put(blobKey(hash), '{"evil":true}');
    await world.restartIsolate(second, { emptyCache: true });
    await client.sees(step);
    await world.edge.hub.stop();
    client.tolerate(503);
    await world.restartIsolate(second, { emptyCache: true });
    const [, cold = ''] = world.edge.urls;
    await client.seesStatus(503, [cold]);
    await world.edge.hub.start();
    await client.sees(step);
  });

  test('a consumer whose details were spoilt gets 503 while the hub is down, never 401', async () => {
    await cluster.folder.write('late.yaml', consumer('late', 'sk-test-late'));
    await publish();
    for (const hash of (await currentPointer()).sections.consumers) await world.edge.kv.put(blobKey(hash), '{}');
    await world.restartIsolate(second, { emptyCache: true });
    const [, cold = ''] = world.edge.urls;
    // It has the table, and has not met this consumer.
    expect((await healthOf(cold)).status).toBe(200);
    await world.edge.hub.stop();
    const client = world.startClient({ ...cluster, clientKey: 'sk-test-late' }, [cold]);
    client.tolerate(503);
    await client.seesStatus(503);
    await world.edge.hub.start();
    await client.sees(step);
    client.tolerate();
    await client.rounds(3);
  });

  test('blobs and pointer that were deleted are had from the hub', async () => {
    await publish();
    const client = world.startClient();
    await client.sees(step);
    for (const key of await world.edge.kv.list()) await world.edge.kv.delete(key);
    await world.restartIsolate(second, { emptyCache: true });
    await client.sees(step);
    await world.restartIsolate(second, { emptyCache: true, faults: { kv: fails } });
    await client.sees(step);
    await world.restartIsolate(second);
    await client.sees(step);
  });
});
