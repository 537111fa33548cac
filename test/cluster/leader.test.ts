import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { monotonicNow, systemClock } from '../../sync-agent/clock.ts';
import type { KubernetesApi } from '../../sync-agent/kubernetes/api.ts';
import { openKubernetesApi } from '../../sync-agent/kubernetes/open-kubernetes-api.ts';
import type { ElectionTiming } from '../../sync-agent/leader/election.ts';
import { becomeLeader } from '../../sync-agent/leader/leader-election.ts';
import { silentLogger } from '../../sync-agent/log.ts';
import { isApiServerMissing } from '../envtest/programs.ts';
import { startApiServer, type ApiServer } from '../support/api-server.ts';

/** Soon at the Lease, and in no hurry to lose it: the machine may be busy. */
const FAST: ElectionTiming = { leaseMs: 30_000, renewDeadlineMs: 20_000, retryMs: 50 };

describe.skipIf(isApiServerMissing())('leader election at a real API server', () => {
  let server: ApiServer;
  let api: KubernetesApi;
  let namespaces = 0;
  const over = new AbortController();

  beforeAll(async () => {
    server = await startApiServer();
    api = await openKubernetesApi({ kubeconfig: server.kubeconfig, env: {} });
  });

  afterAll(async () => {
    over.abort(new Error('over'));
    await api?.close();
    await server?.stop();
  });

  /** A namespace of the test's own, and candidates for its Lease. */
  async function arena() {
    const namespace = `leader-${namespaces++}`;
    await server.kubectl(['create', 'namespace', namespace]);
    const join = (identity: string) =>
      becomeLeader(
        {
          api,
          namespace,
          name: 'fairlead-sync-agent',
          identity,
          timing: FAST,
          clock: systemClock,
          monotonicNow,
          random: Math.random,
          logger: silentLogger,
        },
        over.signal,
      );
    const lease = async () =>
      JSON.parse(await server.kubectl(['get', 'lease', '-n', namespace, 'fairlead-sync-agent', '-o', 'json'])).spec;
    return { namespace, join, lease };
  }

  test('creates a Lease that kubectl reads, and renews it', async () => {
    const { join, lease } = await arena();
    const leadership = await join('a');
    const first = await lease();
    expect(first).toMatchObject({ holderIdentity: 'a', leaseDurationSeconds: 30, leaseTransitions: 0 });
    await expect.poll(async () => (await lease()).renewTime, { timeout: 10_000 }).not.toBe(first.renewTime);
    expect(leadership.isHeld()).toBe(true);
    await leadership.release();
    expect(await lease()).toMatchObject({ holderIdentity: '' });
  });

  test('lets one of many lead, and the next at once when that one gives it back', async () => {
    const { join, lease } = await arena();
    let leading = 0;
    const turns = ['a', 'b', 'c', 'd'].map(async (name) => {
      const leadership = await join(name);
      leading += 1;
      const seen = { leading, name, ...(await lease()) };
      leading -= 1;
      await leadership.release();
      return seen;
    });
    const seen = await Promise.all(turns);
    for (const turn of seen) expect(turn).toMatchObject({ leading: 1, holderIdentity: turn.name });
    expect(new Set(seen.map(({ leaseTransitions }) => leaseTransitions))).toEqual(new Set([0, 1, 2, 3]));
  });

  test('makes the Lease anew where it was deleted under the leader', async () => {
    const { namespace, join, lease } = await arena();
    const leadership = await join('a');
    await server.kubectl(['delete', 'lease', '-n', namespace, 'fairlead-sync-agent']);
    await expect.poll(() => lease().catch(() => undefined), { timeout: 10_000 }).toMatchObject({ holderIdentity: 'a' });
    expect(leadership.isHeld()).toBe(true);
    await leadership.release();
  });

  test('ends for a leader whose Lease another one holds', async () => {
    const { namespace, join } = await arena();
    const leadership = await join('a');
    const lost = new Promise<void>((resolve) => leadership.signal.addEventListener('abort', () => resolve()));
    const patch = JSON.stringify({ spec: { holderIdentity: 'other', leaseTransitions: 9 } });
    await server.kubectl(['patch', 'lease', '-n', namespace, 'fairlead-sync-agent', '--type=merge', '-p', patch]);
    await lost;
    expect(String(leadership.signal.reason)).toContain('is held by other');
    await leadership.release();
  });
});
