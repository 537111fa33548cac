import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { sha256Hex } from '../../../contract/encoding.ts';
import { clusterHistory, PUBLISH_PATHS } from '../../../contract/publish-api.ts';
import { blobKey } from '../../../contract/storage-keys.ts';
import type { ClusterUnderTest } from '../../support/cluster-under-test.ts';
import { startEdgeUnderTest, type EdgeUnderTest } from '../../support/edge-under-test.ts';
import { eventually } from '../../support/eventually.ts';
import { fails, setFaults } from '../../support/faults.ts';
import { heldFetch } from '../../support/held-fetch.ts';
import { consumer } from '../../support/resource-files.ts';
import type { SignedCalls } from '../../support/signed-calls.ts';
import type { SteadyClient } from '../../support/steady-client.ts';

/** A day, otherwise. */
const GRACE_MS = 400;
const COLLECT_SOON = {
  'worker/table/retention.ts': (source: string) =>
    source.replace('BLOB_GRACE_MS = 24 * 3_600_000', `BLOB_GRACE_MS = ${GRACE_MS}`),
};
/** The hub keeps the current revision and the ten before it. */
const KEPT = 11;

describe('the collection of what nobody needs', () => {
  let world: EdgeUnderTest;
  let cluster: ClusterUnderTest;
  let calls: SignedCalls;
  let client: SteadyClient;
  let step = 0;

  beforeAll(async () => {
    world = await startEdgeUnderTest({ replace: COLLECT_SOON });
    ({ cluster } = world);
    calls = await cluster.calls();
    await cluster.publish(++step);
  });
  afterEach(() => world.endTest());
  afterAll(() => world?.dispose());

  const missing = async (hashes: readonly string[]): Promise<string[]> => {
    const { text } = await calls.call('POST', PUBLISH_PATHS.missing('test'), JSON.stringify({ hashes }));
    return JSON.parse(text).hashes;
  };
  const hashesInUse = async (): Promise<string[]> => {
    const { current } = await calls.state();
    return Object.values(current?.pointer.sections ?? {}).flat();
  };

  test('takes a blob that no pointer ever named', async () => {
    const hash = await sha256Hex('{}');
    expect((await calls.call('PUT', PUBLISH_PATHS.blob('test', hash), '{}')).status).toBe(204);
    await eventually('the hub has let go of it', async () => (await collected([hash])).length === 1);
  });

  test('that comes between the blobs of a push and its pointer costs the push one more turn, and nothing else', async () => {
    client = world.startClient();
    await client.sees(step);
    const puts: string[] = [];
    const pause = heldFetch((method, path) => {
      if (method === 'PUT' && path.includes('/blobs/')) puts.push(path.split('/').at(-1) ?? '');
      return method === 'PUT' && path.endsWith('/pointer');
    });
    await cluster.write(++step);
    const agent = await cluster.startAgent({ fetch: pause.fetch, resyncMs: 30_000 });
    await pause.held;
    expect(puts.length).toBeGreaterThan(0);
    await eventually('the blobs are collected', async () => (await collected(puts)).length === puts.length);
    pause.release();
    await client.sees(step);
    await agent.stop();
  });

  test('takes what only revisions beyond the kept ones name, and leaves everything that a kept one needs', async () => {
    client = world.startClient();
    await client.sees(step);
    await cluster.folder.write('passing.yaml', consumer('passing', 'sk-test-passing'));
    await cluster.publish(++step);
    const first = await hashesInUse();
    await cluster.folder.remove('passing.yaml');
    const agent = await cluster.startAgent();
    for (let revision = 0; revision < KEPT; revision++) {
      await cluster.write(++step);
      await client.sees(step);
    }
    const needed = new Set(await keptHashes());
    const doomed = first.filter((hash) => !needed.has(hash));
    expect(doomed.length).toBeGreaterThan(0);
    await eventually('they are gone from KV', async () => {
      const names = await world.edge.kv.list('blob/');
      return doomed.every((hash) => !names.includes(blobKey(hash)));
    });
    expect(await missing([...needed])).toEqual([]);
    await agent.stop();
  });

  test('leaves an isolate that heard of nothing meanwhile with 503 for those whom it had not met, never 401, until it hears again', async () => {
    await cluster.folder.write('late.yaml', consumer('late', 'sk-test-late'));
    await cluster.publish(++step);
    const second = 1;
    await world.restartIsolate(second, { emptyCache: true });
    const [warm = '', cut = ''] = world.edge.urls;
    const known = world.startClient(cluster, [cut]);
    await known.sees(step);
    const isolate = world.edge.isolates[second] ?? { url: cut };
    await setFaults(isolate, { hub: fails });
    const held = await hashesInUse();
    client = world.startClient(cluster, [warm]);
    const agent = await cluster.startAgent();
    for (let revision = 0; revision <= KEPT; revision++) {
      // All buckets of consumers become others.
      await cluster.folder.write('late.yaml', consumer('late', 'sk-test-late', { team: `team-${revision}` }));
      await cluster.write(++step);
      await client.sees(step);
    }
    const needed = new Set(await keptHashes());
    await eventually('what the isolate serves is gone from KV', async () => {
      const names = await world.edge.kv.list('blob/');
      return held.some((hash) => !needed.has(hash) && !names.includes(blobKey(hash)));
    });
    await known.rounds(3);
    const late = world.startClient({ ...cluster, clientKey: 'sk-test-late' }, [cut]);
    late.tolerate(503);
    await late.rounds(3);
    await setFaults(isolate, {});
    await late.sees(step);
    await known.sees(step);
    await agent.stop();
  });

  /** Told without asking for them: whoever asks the hub for a blob needs it, and keeps it so. */
  const collected = async (hashes: readonly string[]): Promise<string[]> => {
    const found = await Promise.all(
      hashes.map(async (hash) => ({ hash, answer: await calls.call('GET', PUBLISH_PATHS.blob('test', hash)) })),
    );
    return found.filter(({ answer }) => answer.status === 404).map(({ hash }) => hash);
  };
  const keptHashes = async (): Promise<string[]> => {
    const { text } = await calls.call('GET', PUBLISH_PATHS.revisions('test'));
    const { revisions } = clusterHistory.parse(JSON.parse(text));
    return revisions.flatMap(({ pointer }) => Object.values(pointer.sections).flat());
  };
});
