import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { ClusterUnderTest } from '../../support/cluster-under-test.ts';
import { startEdgeUnderTest, type EdgeUnderTest } from '../../support/edge-under-test.ts';
import { interruptedFetch, type DeathPoint } from '../../support/interrupted-fetch.ts';
import { startAgentProcess } from '../../support/running-agent.ts';
import type { SteadyClient } from '../../support/steady-client.ts';
import { consumer } from '../../support/resource-files.ts';

/** More calls than an agent makes until an edit is served. */
const MANY_CALLS = 40;

describe('an agent that dies while it publishes', () => {
  let world: EdgeUnderTest;
  let cluster: ClusterUnderTest;
  let client: SteadyClient;
  let step = 0;

  beforeAll(async () => {
    world = await startEdgeUnderTest();
    ({ cluster } = world);
    await cluster.publish(++step);
  });
  afterEach(() => world.endTest());
  afterAll(() => world?.dispose());

  const edit = async (): Promise<void> => {
    await cluster.write(++step);
    // Sections that nothing else has: blobs that are put before the pointer.
    await cluster.folder.write('extra.yaml', consumer(`extra-${step}`, `sk-extra-${step}`));
  };

  test.each<[string, DeathPoint]>([
    ['unsent', 'before'],
    ['unheard', 'after'],
  ])(
    'leaves the edge whole, whichever call was %s, and the next agent goes on from there',
    async (_, point) => {
      client = world.startClient();
      await client.sees(step);
      const diedAt = new Set<string>();
      for (let count = 1; count <= MANY_CALLS; count++) {
        const before = step;
        await edit();
        const dying = interruptedFetch(count, point);
        const agent = await cluster.startAgent({ fetch: dying.fetch });
        const outcome = await Promise.race([dying.died, agent.served().then(() => undefined)]);
        await agent.stop();
        if (outcome === undefined) break;
        diedAt.add(outcome.replace(/[0-9a-f]{64}/, ':sha256'));
        // Either table is whole; which one is served depends on whether the pointer got there.
        await client.rounds(1);
        const successor = await cluster.startAgent();
        await successor.served();
        await client.sees(step);
        await successor.stop();
        expect(step).toBe(before + 1);
      }
      // It did die at every kind of call.
      expect([...diedAt].toSorted()).toEqual([
        'GET /fairlead/v1/clusters/test/blobs/:sha256',
        'GET /fairlead/v1/clusters/test/state',
        'GET /fairlead/v1/revision',
        'POST /fairlead/v1/clusters/test/missing',
        'POST /fairlead/v1/clusters/test/term',
        'PUT /fairlead/v1/clusters/test/blobs/:sha256',
        'PUT /fairlead/v1/clusters/test/pointer',
      ]);
    },
    120_000,
  );

  test('by SIGKILL, in the midst of edits, has left nothing that the next process would have to mend', async () => {
    client = world.startClient();
    await client.sees(step);
    for (let round = 0; round < 3; round++) {
      const killed = await startAgentProcess(cluster.folder.path);
      await killed.lines.next('the agent to have started', ({ message }) => message === 'started');
      await edit();
      await killed.lines.next('something published', ({ message }) => message === 'published').catch(() => undefined);
      await edit();
      await killed.kill();
      const successor = await startAgentProcess(cluster.folder.path);
      await client.sees(step);
      await successor.stop();
    }
  });
});
