import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../../sync-agent/clock.ts';
import { ApiFailure } from '../../../sync-agent/kubernetes/api.ts';
import type { ElectionTiming } from '../../../sync-agent/leader/election.ts';
import { EXIT } from '../../../sync-agent/run-agent.ts';
import { CLUSTER_DOORS, type ClusterDoors } from '../../../sync-agent/run-in-cluster.ts';
import { isApiServerMissing } from '../../envtest/programs.ts';
import { nameOfCall } from '../../support/interrupted-agent.ts';
import { startKubernetesWorld, type KubernetesWorld } from '../../support/kubernetes-world.ts';
import type { AgentLine, AgentProcess } from '../../support/running-agent.ts';

/** How long a Lease holds that nobody renews, in milliseconds. */
const LEASE_MS = 15_000;
/** As short as a busy machine allows. */
const FAST: ElectionTiming = { leaseMs: 3_000, renewDeadlineMs: 2_900, retryMs: 100 };

describe.skipIf(isApiServerMissing())('two agents in a cluster', () => {
  let world: KubernetesWorld;
  let step = 0;

  beforeAll(async () => {
    world = await startKubernetesWorld();
    await world.write(++step);
  });
  afterEach(() => world.endTest());
  afterAll(() => world?.dispose());

  const kubectl = (...args: string[]) => world.api.kubectl(args);
  const leads = (agent: Pick<AgentProcess, 'lines'>, patienceMs?: number) =>
    agent.lines.next('it to lead', ({ message }) => message === 'leading', patienceMs);
  const lease = async (): Promise<{ holderIdentity: string; leaseTransitions: number }> =>
    JSON.parse(await kubectl('get', 'lease', '-n', 'fairlead-system', world.lease(), '-o', 'json')).spec;
  const leaseOrNone = () => lease().catch(() => undefined);
  const generation = async () =>
    (await (await world.edgeUnderTest.cluster.calls()).state()).current?.pointer.generation;
  /** Every version that the API server has of what agents write to, but for the counts of the EdgeGateway. */
  const written = () =>
    kubectl('get', 'aimodel,consumer,gatewayroute,llmprovider', '-o', 'jsonpath={.items[*].metadata.resourceVersion}');

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
    await world.statusIsTrue();
  });

  test('when the leader is stopped in order it gives the lease back, and the next one leads at once', async () => {
    const { leader, next, client } = await start();
    await leader.stop();
    expect(await leader.ended).toBe(EXIT.stopped);
    await leads(next, 5_000);
    await world.write(++step);
    await client.sees(step);
  });

  test('a leader whose time stood still moves nothing back when it goes on', async () => {
    const { leader, next, client } = await start();
    await world.write(++step);
    await client.sees(step);
    // What it is told of now is still to be written when it is stopped, or to be published.
    await world.write(++step);
    leader.pause();
    await world.write(++step);
    await leads(next, 2 * LEASE_MS);
    await client.sees(step);
    await world.statusIsTrue();
    const before = [await written(), await generation(), await lease()] as const;
    const said = leader.lines.all.length;
    leader.goOn();
    // It learns that it no longer leads, and ends so that it is started anew.
    expect([EXIT.lostLease, EXIT.superseded]).toContain(await leader.ended);
    await client.rounds(20);
    await client.sees(step);
    const [versions, held, { holderIdentity, leaseTransitions }] = before;
    expect(await written()).toBe(versions);
    expect(await generation()).toEqual(held);
    expect(await lease()).toMatchObject({ holderIdentity, leaseTransitions });
    expect(leader.lines.all.slice(said).map(({ message }) => message)).not.toContain('published');
    await world.write(++step);
    await client.sees(step);
  });

  test('what a leader wrote before it was overtaken, and the API server gets after, is refused', async () => {
    const held = new Set<string>();
    const go = Promise.withResolvers<void>();
    const answers: string[] = [];
    const openApi: ClusterDoors['openApi'] = async (options) => {
      const api = await CLUSTER_DOORS.openApi(options);
      return {
        ...api,
        namespace: api.namespace,
        stream: (...call) => api.stream(...call),
        close: () => api.close(),
        call: async (request, signal) => {
          const name = nameOfCall(request);
          if (!held.has(name)) return api.call(request, signal);
          await go.promise;
          // A renewal that it has given up by then is not sent any more.
          signal.throwIfAborted();
          return api.call(request, signal).catch((error: unknown) => {
            answers.push(`${name}: ${error instanceof ApiFailure ? error.status : String(error)}`);
            throw error;
          });
        },
      };
    };
    // Writes that are under way have long enough to end after it has lost the Lease.
    const wait: typeof systemClock.wait = (ms, signal) => systemClock.wait(ms === 5_000 ? 60_000 : ms, signal);
    const first = world.startAgentHere({ doors: { openApi, timing: FAST, clock: { ...systemClock, wait } } });
    await leads(first);
    await world.statusIsTrue();
    const client = world.startClient();
    held.add('PATCH aimodels/status').add('PUT leases');
    await world.write(++step);
    await client.sees(step);
    const second = world.startAgentHere({ doors: { timing: FAST } });
    await leads(second);
    await world.statusIsTrue();
    const before = await written();
    const record = await lease();
    go.resolve();
    expect(await first.ended).toBe(EXIT.lostLease);
    // The one because another has written since, the other as it tries to give back what is not its own any more.
    expect(new Set(answers)).toEqual(new Set(['PATCH aimodels/status: 409', 'PUT leases: 409']));
    expect(await written()).toBe(before);
    expect((await lease()).holderIdentity).toBe(record.holderIdentity);
  });

  test('a Lease that is deleted is made anew by its leader, and the other goes on waiting', async () => {
    const { leader, next, client } = await start();
    const { holderIdentity } = await lease();
    await kubectl('delete', 'lease', '-n', 'fairlead-system', world.lease());
    await world.write(++step);
    await client.sees(step);
    await expect.poll(leaseOrNone, { timeout: 20_000 }).toMatchObject({ holderIdentity });
    await world.write(++step);
    await client.sees(step);
    await world.statusIsTrue();
    expect(messages(next)).not.toContain('leading');
    expect(messages(leader)).not.toContain('no longer leading');
    expect(publishedBy(next)).toEqual([]);
  });

  test('a Lease that is taken from its leader ends it, and never do two publish over one another', async () => {
    const { leader, next, client } = await start();
    const nobody = JSON.stringify({ spec: { holderIdentity: '' } });
    await kubectl('patch', 'lease', '-n', 'fairlead-system', world.lease(), '--type=merge', '-p', nobody);
    // For a moment both may believe that they lead.
    let outcome: number | null | 'runs' = 'runs';
    while (outcome === 'runs') {
      await world.write(++step);
      outcome = await Promise.race([leader.ended, Promise.resolve('runs' as const)]);
    }
    expect([EXIT.lostLease, EXIT.superseded]).toContain(outcome);
    await leads(next);
    await world.write(++step);
    await client.sees(step);
    await world.statusIsTrue();
    // Each term is one agent's, and once a later one has published the earlier does no more.
    const [of, after] = [publishedBy(leader), publishedBy(next)];
    expect(after.length).toBeGreaterThan(0);
    expect(Math.max(...of.map(({ term }) => term))).toBeLessThan(Math.min(...after.map(({ term }) => term)));
    const [latest, first] = [of.at(-1), after[0]];
    expect(latest && first && latest.time <= first.time).toBe(true);
    expect(await generation()).toMatchObject({ term: after.at(-1)?.term });
  });
});

function messages({ lines }: Pick<AgentProcess, 'lines'>): readonly string[] {
  return lines.all.map(({ message }) => message);
}

/** The terms in which it published, and when. */
function publishedBy({ lines }: Pick<AgentProcess, 'lines'>) {
  const published = lines.all.filter(({ message }: AgentLine) => message === 'published');
  return published.map(({ generation, time }) => ({
    term: Number(String(generation).split('.')[0]),
    time: Date.parse(String(time)),
  }));
}
