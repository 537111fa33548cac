import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { PUBLISH_PATHS } from '../../../contract/publish-api.ts';
import { pointerKey } from '../../../contract/storage-keys.ts';
import type { ClusterUnderTest } from '../../support/cluster-under-test.ts';
import { startEdgeUnderTest, trustList, type EdgeUnderTest } from '../../support/edge-under-test.ts';
import { route } from '../../support/resource-files.ts';
import type { SteadyClient } from '../../support/steady-client.ts';

const TRUSTS = { test: { models: ['model-of-test'] }, other: { models: ['model-of-other'] } };

describe('two clusters on one edge', () => {
  let world: EdgeUnderTest;
  let cluster: ClusterUnderTest;
  let other: ClusterUnderTest;
  /** Of the cluster to which nothing happens. */
  let client: SteadyClient;
  let step = 0;
  const second = 1;

  beforeAll(async () => {
    world = await startEdgeUnderTest({ clusters: TRUSTS });
    ({ cluster } = world);
    other = world.clusters[1] ?? cluster;
    await cluster.publish(++step);
  });
  afterEach(() => world.endTest());
  afterAll(() => world?.dispose());

  /** Both publish; the client of the first watches, and that of the second is given. */
  const begin = async (): Promise<SteadyClient> => {
    step++;
    await Promise.all([cluster.publish(step), other.publish(step)]);
    await Promise.all([world.copiedToKv(), world.copiedToKv(other)]);
    client = world.startClient();
    const others = world.startClient(other);
    await Promise.all([client.sees(step), others.sees(step)]);
    return others;
  };
  const evict = async (): Promise<void> => {
    const { status } = await (await other.calls()).call('DELETE', PUBLISH_PATHS.cluster('other'));
    expect(status).toBe(204);
  };

  test('an edit of one is none of the other, and what one may not serve it cannot take from it', async () => {
    const others = await begin();
    await other.publish(step + 1);
    await others.sees(step + 1);
    await client.rounds(3);
    await client.sees(step);
    step++;
    await other.folder.write('greedy.yaml', route('greedy', ['model-of-other']));
    const calls = await cluster.calls();
    const { current } = await calls.state();
    await world.edge.redeploy({
      vars: { ...world.vars, FAIRLEAD_CLUSTERS: trustList({ ...TRUSTS, other: { models: ['nothing'] } }, keys()) },
    });
    const agent = await other.startAgent();
    const failure = await agent.events.next('a refusal', ({ type }) => type === 'failed');
    expect(failure).toMatchObject({ code: 'refused', sentence: expect.stringContaining('authority') });
    await agent.stop();
    expect((await calls.state()).current?.revision).toBe(current?.revision);
    await world.edge.redeploy({ vars: world.vars });
    await other.folder.remove('greedy.yaml');
    await client.rounds(3);
  });

  test('one that is evicted is served no more, not out of KV nor by those who are born; the other notices nothing', async () => {
    const others = await begin();
    const replayed = await world.copiedToKv(other);
    others.tolerate(401, 404);
    await evict();
    await others.seesStatus(401);
    await world.edge.kv.put(pointerKey('other'), replayed);
    await world.restartIsolate(second, { emptyCache: true });
    await others.rounds(5);
    await others.seesStatus(401);
    await client.sees(step);
    // Whoever was evicted may come back.
    others.tolerate(401, 404, 503);
    await other.publish(++step);
    await others.sees(step);
    await client.rounds(3);
  });

  test('one that is evicted while an isolate cannot ask the hub is dropped there as soon as it can', async () => {
    const others = await begin();
    others.tolerate(401, 404);
    await evict();
    await world.edge.hub.stop();
    await others.rounds(3);
    await world.edge.hub.start();
    await others.seesStatus(401);
    await client.rounds(3);
    await client.sees(step);
  });

  test('one that is gone without a word is served as before, by those too who are born, until its operator takes it out', async () => {
    const others = await begin();
    await world.edge.hub.stop();
    await world.edge.hub.start();
    await world.restartIsolate(second, { emptyCache: true });
    await others.rounds(3);
    await others.sees(step);
    others.tolerate(401, 404);
    const [own] = keys();
    const clusters = trustList({ test: TRUSTS.test }, own === undefined ? [] : [own]);
    await world.edge.redeploy({ vars: { ...world.vars, FAIRLEAD_CLUSTERS: clusters } });
    await others.seesStatus(401);
    await client.rounds(3);
    await client.sees(step);
    await world.edge.redeploy({ vars: world.vars });
    await others.sees(step);
  });

  const keys = () => world.clusters.map(({ signing }) => signing);
});
