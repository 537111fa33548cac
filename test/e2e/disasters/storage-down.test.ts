import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { ClusterUnderTest } from '../../support/cluster-under-test.ts';
import { startEdgeUnderTest, type EdgeUnderTest } from '../../support/edge-under-test.ts';
import { fails, hangs, misses, setFaults, type Faults } from '../../support/faults.ts';
import { healthOf } from '../../support/health.ts';
import type { SteadyClient } from '../../support/steady-client.ts';

/** KV is trusted after two minutes only, which a test has not: so isolates ask KV first, as they mostly do. */
const TRUST_KV_AT_ONCE = {
  'worker/table/copy-to-kv.ts': (source: string) => source.replace('KV_LAG_MS = 120_000', 'KV_LAG_MS = 0'),
};

/** What a request may wait for at most while an isolate asks a hub that does not answer, in milliseconds. */
const PATIENCE_MS = 3_500;

/** What the first request of an isolate may wait for, which asks KV in vain before it asks the hub. */
const COLD_PATIENCE_MS = 6_000;

describe('while storage is down', () => {
  let world: EdgeUnderTest;
  let cluster: ClusterUnderTest;
  let client: SteadyClient;
  let step = 0;
  const second = 1;
  let cold: string;

  beforeAll(async () => {
    world = await startEdgeUnderTest({ replace: TRUST_KV_AT_ONCE });
    ({ cluster } = world);
    cold = world.edge.urls[second] ?? '';
  });
  afterEach(() => world.endTest());
  afterAll(() => world?.dispose());

  const begin = async (): Promise<void> => {
    await publish();
    await world.copiedToKv();
    client = world.startClient();
    await client.sees(step);
  };
  const publish = (): Promise<void> => cluster.publish(++step);
  const everywhere = async (faults: Faults): Promise<void> => {
    await Promise.all([world.edge.hub, ...world.edge.isolates].map((part) => setFaults(part, faults)));
  };

  describe('KV', () => {
    test.each([
      ['fails', fails],
      ['shows nothing', misses],
      ['never answers', hangs],
    ])(
      'that %s is not missed: edits arrive, isolates are born, and it is brought up to date when it is back',
      async (_, kv) => {
        await begin();
        await everywhere({ kv });
        await publish();
        await client.sees(step);
        await world.restartIsolate(second, { emptyCache: true, faults: { kv } });
        await client.sees(step);
        await publish();
        await client.sees(step);
        await everywhere({});
        await world.copiedToKv();
        expect(client.slowestMs).toBeLessThan(COLD_PATIENCE_MS);
      },
    );
  });

  describe('the hub', () => {
    test('that is dead leaves isolates with what they serve, lets others be born out of KV, and takes the next edit when it is back', async () => {
      await begin();
      await world.edge.hub.stop();
      await client.rounds(5);
      await world.restartIsolate(second, { emptyCache: true });
      await client.sees(step);
      expect(await healthOf(cold)).toMatchObject({ status: 200, confirmed: false });
      await cluster.write(++step);
      const agent = await cluster.startAgent();
      await agent.events.next('a failure to publish', ({ type }) => type === 'failed');
      await client.rounds(5);
      await world.edge.hub.start();
      await agent.served();
      await client.sees(step);
      expect(await healthOf(cold)).toMatchObject({ status: 200, confirmed: true });
    });

    test('that never answers keeps no client waiting for long', async () => {
      await begin();
      await Promise.all(world.edge.isolates.map((isolate) => setFaults(isolate, { hub: hangs })));
      // Longer than an isolate waits for one answer.
      const until = performance.now() + PATIENCE_MS;
      while (performance.now() < until) await client.rounds(1);
      expect(client.slowestMs).toBeLessThan(PATIENCE_MS);
      await world.restartIsolate(second, { emptyCache: true, faults: { hub: hangs } });
      await client.sees(step);
      await everywhere({});
      await publish();
      await client.sees(step);
    });
  });

  describe('hub and KV', () => {
    test('isolates go on with what they serve', async () => {
      await begin();
      await everywhere({ kv: fails });
      await world.edge.hub.stop();
      await client.rounds(10);
      await client.sees(step);
    });

    test('an isolate that is born starts from the Cache API of its place, and says that it is unconfirmed', async () => {
      await begin();
      // Born anew, it leaves its table to the cache at once.
      await world.restartIsolate(second, { emptyCache: true });
      await client.sees(step);
      await client.rounds(10);
      await world.edge.hub.stop();
      await world.restartIsolate(second, { faults: { kv: fails } });
      await client.sees(step, [cold]);
      expect(await healthOf(cold)).toMatchObject({ status: 200, confirmed: false });
      await world.edge.hub.start();
      await setFaults(world.edge.isolates[second] ?? { url: '' }, {});
      await publish();
      await client.sees(step);
    });

    test.each([
      ['is empty', misses],
      ['fails', fails],
    ])(
      'an isolate that is born where the Cache API %s answers 503, never 401, until one of them is back',
      async (_, cache) => {
        await begin();
        const nothing = { kv: fails, cache };
        for (const returns of ['hub', 'kv']) {
          await world.edge.hub.stop();
          client.tolerate(503);
          await world.restartIsolate(second, { emptyCache: true, faults: nothing });
          await client.seesStatus(503, [cold]);
          expect((await healthOf(cold)).status).toBe(503);
          await client.rounds(3);
          if (returns === 'hub') await world.edge.hub.start();
          else await setFaults(world.edge.isolates[second] ?? { url: '' }, {});
          await client.sees(step);
          client.tolerate();
          await client.rounds(3);
          await world.edge.hub.start();
        }
      },
    );
  });
});
