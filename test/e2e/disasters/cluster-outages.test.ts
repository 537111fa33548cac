import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../../sync-agent/clock.ts';
import type { ElectionTiming } from '../../../sync-agent/leader/election.ts';
import { EXIT } from '../../../sync-agent/run-agent.ts';
import { isApiServerMissing } from '../../envtest/programs.ts';
import { hurriedClock } from '../../support/hurried-clock.ts';
import { startKubernetesWorld, type KubernetesWorld } from '../../support/kubernetes-world.ts';
import { consumer } from '../../support/resource-files.ts';

/** As short as a busy machine allows. */
const FAST: ElectionTiming = { leaseMs: 3_000, renewDeadlineMs: 2_500, retryMs: 100 };
const MINUTE_MS = 60_000;

describe.skipIf(isApiServerMissing())('a cluster whose API server is away', () => {
  let world: KubernetesWorld;
  let step = 0;

  beforeAll(async () => {
    world = await startKubernetesWorld();
  });
  afterEach(() => world.endTest());
  afterAll(() => world?.dispose());

  const clock = hurriedClock(10);
  const minute = () => clock.wait(MINUTE_MS, new AbortController().signal);
  const leads = ({ lines }: Pick<ReturnType<KubernetesWorld['keepAgentHere']>, 'lines'>) =>
    lines.next('it to lead', ({ message }) => message === 'leading');

  /** An agent to whom a minute is six seconds, and what it has published. */
  const start = async () => {
    const agent = world.keepAgentHere({ doors: { clock, timing: FAST } });
    await leads(agent);
    await world.write(++step);
    await world.statusIsTrue();
    const client = world.startClient();
    await client.sees(step);
    return { agent, client };
  };

  test('for a minute: the edge serves on, the agent leads no longer than its Lease, and then goes on', async () => {
    const { agent, client } = await start();
    await world.api.halt();
    await minute();
    await client.rounds(5);
    await client.sees(step);
    expect(agent.exits).toEqual([EXIT.lostLease]);
    await world.api.resume();
    await world.write(++step);
    await leads(agent);
    await client.sees(step);
    await world.statusIsTrue();
    expect(agent.exits).toEqual([EXIT.lostLease]);
  });

  test('for less than a Lease: its leader goes on as if nothing had been', async () => {
    const patient: ElectionTiming = { leaseMs: 60_000, renewDeadlineMs: 50_000, retryMs: 200 };
    const agent = world.keepAgentHere({ doors: { clock: systemClock, timing: patient } });
    await leads(agent);
    await world.write(++step);
    const client = world.startClient();
    await client.sees(step);
    await world.api.halt();
    await client.rounds(30);
    await world.api.resume();
    await world.write(++step);
    await client.sees(step);
    await world.statusIsTrue();
    expect(agent.exits).toEqual([]);
    expect(agent.lines.all.filter(({ message }) => message === 'leading')).toHaveLength(1);
  });

  test('while an agent starts: nothing is emptied, and it goes on by itself', async () => {
    const { agent, client } = await start();
    await agent.stop();
    await world.api.halt();
    const next = world.startAgent({ resyncSeconds: 1 });
    await next.lines.next('it to wait', ({ message }) => message.startsWith('waiting'));
    await client.rounds(30);
    await client.sees(step);
    await world.api.resume();
    await world.write(++step);
    await client.sees(step);
    await world.statusIsTrue();
    expect(next.lines.all.some(({ message }) => message === 'leading')).toBe(true);
  });

  test('and the whole edge with it: both come back in any order, and what was applied last arrives', async () => {
    const { client } = await start();
    const parts = [world.edge.hub, ...world.edge.isolates];
    await client.stop();
    await Promise.all([world.api.halt(), ...parts.map((part) => part.stop())]);
    await minute();
    await Promise.all(parts.map((part) => part.start()));
    // The edge alone serves what it has kept.
    const others = world.startClient();
    await others.sees(step);
    await Promise.all(parts.map((part) => part.stop()));
    await world.api.resume();
    await world.write(++step);
    await Promise.all(parts.map((part) => part.start()));
    await others.sees(step);
    await world.statusIsTrue();
  });

  test('CRDs deleted: the edge serves on, and what is applied once they are back arrives', async () => {
    const { agent, client } = await start();
    await world.api.kubectl(['delete', 'crd', 'aimodels.fairlead.dev', 'consumers.fairlead.dev', '--wait=true']);
    await agent.lines.next('it to say what is lost', ({ message }) => message.startsWith('AIModel (aimodels.fairlead'));
    await client.rounds(30);
    await client.sees(step);
    await world.populate();
    await world.write(++step);
    await client.sees(step);
    await world.statusIsTrue();
    expect(agent.exits).toEqual([]);
  });

  test('an agent that dies in the midst of edits leaves nothing that the next would have to mend', async () => {
    const { agent, client } = await start();
    await agent.stop();
    let running = world.startAgent({ resyncSeconds: 1 });
    for (let round = 0; round < 3; round++) {
      await running.lines.next('it to lead', ({ message }) => message === 'leading');
      await world.write(++step);
      await world.apply(consumer(`extra-${step}`, `sk-extra-${step}`));
      await running.kill();
      // What died holds the Lease until it expires; another name leads at once.
      running = world.startAgent({ resyncSeconds: 1, flags: ['--lease-name', `round-${round}`] });
      await client.sees(step);
    }
    await world.statusIsTrue();
  });
});
