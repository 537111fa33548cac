import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { isApiServerMissing } from '../../envtest/programs.ts';
import { startKubernetesWorld, type KubernetesWorld } from '../../support/kubernetes-world.ts';
import type { AgentProcess } from '../../support/running-agent.ts';

/** How long a Lease holds that nobody renews, in milliseconds. */
const LEASE_MS = 15_000;

describe.skipIf(isApiServerMissing())('two agents in a cluster', () => {
  let world: KubernetesWorld;
  let step = 0;

  beforeAll(async () => {
    world = await startKubernetesWorld();
    await world.write(++step);
  });
  afterEach(() => world.endTest());
  afterAll(() => world?.dispose());

  const leads = (agent: AgentProcess, patienceMs?: number) =>
    agent.lines.next('it to lead', ({ message }) => message === 'leading', patienceMs);

  /** A leader that has published, and another one that waits. */
  const start = async () => {
    const leader = world.startAgent();
    await leads(leader);
    await world.write(++step);
    const client = world.startClient();
    await client.sees(step);
    const next = world.startAgent();
    await next.lines.next('it to wait', ({ message }) => message === 'the cluster has been read: standing by');
    return { leader, next, client };
  };

  test('when the leader is killed the next one publishes within the lease', async () => {
    const { leader, next, client } = await start();
    await leader.kill();
    const killedAt = performance.now();
    await world.write(++step);
    await leads(next, 2 * LEASE_MS);
    await client.sees(step);
    expect(performance.now() - killedAt).toBeLessThan(LEASE_MS + 5_000);
    await world.programmed('aimodel/model-of-test');
  });

  test('when the leader is stopped in order it gives the lease back, and the next one leads at once', async () => {
    const { leader, next, client } = await start();
    await leader.stop();
    expect(await leader.ended).toBe(0);
    await leads(next, 5_000);
    await world.write(++step);
    await client.sees(step);
  });

  test('a leader whose time stood still moves nothing back when it goes on', async () => {
    const { leader, next, client } = await start();
    leader.pause();
    await world.write(++step);
    await leads(next, 2 * LEASE_MS);
    await client.sees(step);
    await world.programmed('aimodel/model-of-test');
    const generation = () => world.api.kubectl(['get', 'aimodel', 'model-of-test', '-o', 'jsonpath={.status}']);
    const before = await generation();
    leader.goOn();
    // It learns that it no longer leads, and ends so that it is started anew.
    expect(await leader.ended).not.toBe(0);
    await client.rounds(20);
    await client.sees(step);
    expect(await generation()).toBe(before);
    await world.write(++step);
    await client.sees(step);
  });

  test('a Lease that is deleted is made anew, and there is one leader again', async () => {
    const { leader, next, client } = await start();
    await world.api.kubectl(['delete', 'lease', '-n', 'fairlead-system', '--all']);
    await world.write(++step);
    await client.sees(step);
    // Whoever leads now, an edit arrives, and goes on arriving.
    await pause(3_000);
    await world.write(++step);
    await client.sees(step);
    const holders = await world.api.kubectl([
      'get',
      'lease',
      '-n',
      'fairlead-system',
      '-o',
      'jsonpath={.items[*].spec.holderIdentity}',
    ]);
    expect(holders.trim().split(' ')).toHaveLength(1);
    expect([leader.pid, next.pid]).toHaveLength(2);
  });
});
