import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { steadyModel, type ClusterUnderTest } from '../../support/cluster-under-test.ts';
import { startEdgeUnderTest, trustList, type EdgeUnderTest } from '../../support/edge-under-test.ts';
import { heldFetch } from '../../support/held-fetch.ts';
import type { AgentInProcess } from '../../support/running-agent.ts';
import type { SignedCalls } from '../../support/signed-calls.ts';
import type { SteadyClient } from '../../support/steady-client.ts';

/** Nothing of the cluster's own order is relied upon: what the edge refuses keeps agents apart. */
describe('agents that should not be two', () => {
  let world: EdgeUnderTest;
  let cluster: ClusterUnderTest;
  let calls: SignedCalls;
  let client: SteadyClient;
  let step = 0;

  beforeAll(async () => {
    world = await startEdgeUnderTest();
    ({ cluster } = world);
    calls = await cluster.calls();
  });
  afterEach(() => world.endTest());
  afterAll(() => world?.dispose());

  const begin = async (): Promise<void> => {
    await cluster.publish(++step);
    client = world.startClient();
    await client.sees(step);
  };
  const supersession = async (agent: AgentInProcess): Promise<void> => {
    await agent.events.next(
      'the end of its leadership',
      (event) => event.type === 'failed' && event.code === 'superseded',
    );
    await expect(agent.ended).rejects.toThrow('another agent');
  };
  const generation = async () => (await calls.state()).current?.pointer.generation ?? { term: 0, sequence: 0 };

  test('a leader that was paused before its pointer went out cannot overwrite what its successor has published', async () => {
    await begin();
    const pause = heldFetch((method, path) => method === 'PUT' && path.endsWith('/pointer'));
    await cluster.write(++step);
    const paused = await cluster.startAgent({ fetch: pause.fetch });
    await pause.held;
    await cluster.publish(++step);
    await client.sees(step);
    pause.release();
    await supersession(paused);
    await client.rounds(5);
    await client.sees(step);
  });

  test('of two leaders the later one stays, and the earlier one says so and ends', async () => {
    await begin();
    const earlier = await cluster.startAgent();
    await earlier.served();
    const later = await cluster.startAgent();
    await cluster.write(++step);
    await supersession(earlier);
    await client.sees(step);
    await cluster.write(++step);
    await client.sees(step);
    await later.stop();
  });

  test('two that begin at once, because the Lease was deleted, end as one, and no edit is lost', async () => {
    await begin();
    await cluster.write(++step);
    const agents = await Promise.all([cluster.startAgent(), cluster.startAgent()]);
    await client.sees(step);
    await cluster.write(++step);
    await client.sees(step);
    const ends = await Promise.race(agents.map((agent) => supersession(agent).then(() => 'one has ended')));
    expect(ends).toBe('one has ended');
    await cluster.write(++step);
    await client.sees(step);
  });

  test('a cluster that was restored from a backup is not locked out, and what it says comes as something new', async () => {
    await begin();
    const old = step;
    for (const _ of [1, 2, 3]) await cluster.publish(++step);
    await client.sees(step);
    await client.stop();
    const before = await generation();
    await cluster.publish(old);
    const after = await generation();
    expect(after.term).toBeGreaterThan(before.term);
    const fresh = world.startClient();
    await fresh.sees(old);
    await cluster.publish(++step);
    await fresh.sees(step);
  });

  test('a cluster that was made anew publishes nothing until the operator adopts it by its UID', async () => {
    await begin();
    const stranger = await cluster.startAgent({ clusterUid: 'made-anew' });
    const refused = await stranger.events.next('a refusal', ({ type }) => type === 'failed');
    expect(refused).toMatchObject({ code: 'refused', sentence: expect.stringContaining('made-anew') });
    await cluster.folder.write('model.yaml', steadyModel(cluster.model, ++step));
    await client.rounds(5);
    await client.sees(step - 1);
    const clusters = trustList({ test: { uid: 'made-anew' } }, [cluster.signing]);
    await world.edge.redeploy({ vars: { ...world.vars, FAIRLEAD_CLUSTERS: clusters } });
    await client.sees(step);
    await stranger.stop();
  });
});
