import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { PUBLISH_PATHS } from '../../../contract/publish-api.ts';
import type { Generation } from '../../../contract/routing-table.ts';
import type { ClusterUnderTest } from '../../support/cluster-under-test.ts';
import { startEdgeUnderTest, type EdgeUnderTest } from '../../support/edge-under-test.ts';
import { fails, setFaults } from '../../support/faults.ts';
import { healthOf } from '../../support/health.ts';
import type { SignedCalls } from '../../support/signed-calls.ts';
import type { SteadyClient } from '../../support/steady-client.ts';

describe('a hub that has lost everything', () => {
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
    await world.copiedToKv();
    client = world.startClient();
    await client.sees(step);
  };
  const wipeHub = async (): Promise<void> => {
    await world.edge.hub.stop({ wipe: true });
    await world.edge.hub.start();
  };
  const wipeKv = async (): Promise<void> => {
    for (const key of await world.edge.kv.list()) await world.edge.kv.delete(key);
  };
  const heldTerm = async (): Promise<number> => (await calls.state()).current?.pointer.generation.term ?? 0;
  const noGeneration: Generation | null = null;

  test('is filled again by the agent that is there, above what it had admitted', async () => {
    await cluster.write(++step);
    const agent = await cluster.startAgent();
    await agent.served();
    client = world.startClient();
    await client.sees(step);
    const before = await heldTerm();
    await wipeHub();
    await agent.served();
    expect(await heldTerm()).toBeGreaterThan(before);
    await cluster.write(++step);
    await client.sees(step);
  });

  test('is filled again by an agent that remembers nothing, above what KV knows', async () => {
    await begin();
    const before = await heldTerm();
    await wipeHub();
    await client.rounds(5);
    await cluster.publish(++step);
    expect(await heldTerm()).toBeGreaterThan(before);
    await client.sees(step);
  });

  test('is filled again by an agent that remembers nothing, above what the isolates serve, where KV is empty too', async () => {
    await begin();
    const before = await heldTerm();
    await wipeKv();
    await wipeHub();
    await cluster.publish(++step);
    await client.sees(step);
    expect(await heldTerm()).toBeGreaterThan(before);
  });

  test('that was filled before any isolate could say what it serves is filled once more, above that', async () => {
    await begin();
    const before = await heldTerm();
    const isolates = world.edge.isolates;
    await Promise.all(isolates.map((isolate) => setFaults(isolate, { hub: fails })));
    await wipeKv();
    await wipeHub();
    // The isolate that the agent talks to passes its calls on, and puts no question of its own.
    await setFaults(isolates[0] ?? { url: '' }, { polls: fails });
    await cluster.write(++step);
    const agent = await cluster.startAgent();
    await agent.events.next('a table below what is served', ({ type }) => type === 'published');
    expect(await heldTerm()).toBeLessThan(before);
    await client.rounds(3);
    await Promise.all(isolates.map((isolate) => setFaults(isolate, {})));
    await client.sees(step);
    expect(await heldTerm()).toBeGreaterThan(before);
    await agent.stop();
  });

  test('is not lower for a claimant who says that there was nothing', async () => {
    await begin();
    const before = await heldTerm();
    await wipeHub();
    await client.rounds(5);
    const claim = JSON.stringify({ clusterUid: 'directory', floor: noGeneration });
    const { status, text } = await calls.call('POST', PUBLISH_PATHS.term('test'), claim);
    expect(status).toBe(200);
    expect(JSON.parse(text).term).toBeGreaterThan(before);
  });

  test('with KV and all isolates: 503 for everybody, never 401, until an agent publishes', async () => {
    await begin();
    await world.edge.stop({ wipe: true });
    client.tolerate(503);
    await world.edge.start();
    await client.seesStatus(503);
    await client.rounds(5);
    for (const url of world.edge.urls) expect((await healthOf(url)).status).toBe(503);
    await cluster.publish(++step);
    await client.sees(step);
    client.tolerate();
    await client.rounds(5);
  });
});
