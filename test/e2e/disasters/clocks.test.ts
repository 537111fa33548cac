import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { systemClock, type Clock } from '../../../sync-agent/clock.ts';
import type { ClusterUnderTest } from '../../support/cluster-under-test.ts';
import { startEdgeUnderTest, type EdgeUnderTest } from '../../support/edge-under-test.ts';
import type { SteadyClient } from '../../support/steady-client.ts';

describe("an agent's clock that is wrong", () => {
  let world: EdgeUnderTest;
  let cluster: ClusterUnderTest;
  let client: SteadyClient;
  let step = 0;
  let errorMs = 0;
  const clock: Clock = { now: () => Date.now() + errorMs, wait: (ms, signal) => systemClock.wait(ms, signal) };

  beforeAll(async () => {
    world = await startEdgeUnderTest();
    ({ cluster } = world);
    await cluster.publish(++step);
    client = world.startClient();
    await client.sees(step);
  });
  afterEach(() => {
    errorMs = 0;
    client.assertContent();
  });
  afterAll(() => world?.dispose());

  test.each([
    ['set back', -61_000],
    ['set ahead', 61_000],
  ])(
    'by more than a minute, %s in the midst of its work, is told to it; what was edited follows when the clock is mended',
    async (_, ms) => {
      const agent = await cluster.startAgent({ clock });
      await agent.served();
      errorMs = ms;
      await cluster.write(++step);
      const failure = await agent.events.next('a failure to publish', ({ type }) => type === 'failed');
      expect(failure).toMatchObject({
        code: 'unauthorized',
        sentence: expect.stringMatching(/61 s .*check the clocks/),
      });
      await client.rounds(3);
      await client.sees(step - 1);
      errorMs = 0;
      await client.sees(step);
      await agent.stop();
    },
  );

  test('by less is no matter: what is newer is told by generation, never by time of issue', async () => {
    const agent = await cluster.startAgent({ clock });
    errorMs = 40_000;
    await cluster.write(++step);
    await client.sees(step);
    errorMs = -40_000;
    await cluster.write(++step);
    await client.sees(step);
    await agent.stop();
    await cluster.publish(++step);
    await client.sees(step);
  });
});
