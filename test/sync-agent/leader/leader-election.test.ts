import { afterEach, describe, expect, test } from 'vitest';
import { ApiFailure } from '../../../sync-agent/kubernetes/api.ts';
import { ELECTION_TIMING } from '../../../sync-agent/leader/election.ts';
import { becomeLeader, LeadershipLost, type Leadership } from '../../../sync-agent/leader/leader-election.ts';
import { leaseBody } from '../../../sync-agent/leader/lease.ts';
import { silentLogger, type Logger } from '../../../sync-agent/log.ts';
import { FakeKubernetesApi } from '../support/fake-kubernetes-api.ts';
import { manualClock, settle } from '../support/manual-clock.ts';

const PLACE = { namespace: 'fairlead-system', name: 'fairlead-sync-agent' };
const PATH = `/apis/coordination.k8s.io/v1/namespaces/${PLACE.namespace}/leases/${PLACE.name}`;

const stopping = new AbortController();
const held: Leadership[] = [];
afterEach(async () => {
  for (const leadership of held.splice(0)) await leadership.release();
});

interface Surroundings {
  readonly random?: () => number;
  readonly logger?: Logger;
}

/** An API server, and candidates at it that share one clock. */
function bench({ random = () => 0.5, logger = silentLogger }: Surroundings = {}) {
  const api = new FakeKubernetesApi();
  const clock = manualClock();
  /** How long processes stood still beside what the clock says. */
  const skipped = { ms: 0 };
  const join = (identity: string, signal = stopping.signal) => {
    const becoming = becomeLeader(
      {
        ...PLACE,
        api,
        identity,
        timing: ELECTION_TIMING,
        clock,
        monotonicNow: () => clock.now() + skipped.ms,
        random,
        logger,
      },
      signal,
    );
    void becoming.then(
      (leadership) => held.push(leadership),
      () => undefined,
    );
    return becoming;
  };
  const holder = () => api.objects.get(PATH)?.['spec'];
  return { api, clock, skipped, join, holder };
}

async function isPending(promise: Promise<unknown>): Promise<boolean> {
  await settle();
  return Promise.race([promise.then(() => false), Promise.resolve(true)]);
}

describe('a leader', () => {
  test('leads at once where nobody has, and renews every two seconds', async () => {
    const { api, clock, join, holder } = bench();
    const leadership = await join('a');
    await clock.advance(20_000);
    expect([leadership.isHeld(), leadership.signal.aborted]).toEqual([true, false]);
    expect(holder()).toMatchObject({ holderIdentity: 'a', leaseDurationSeconds: 15, leaseTransitions: 0 });
    expect(api.of('PUT')).toHaveLength(10);
    expect(api.of('GET')).toHaveLength(1);
  });

  test('that cannot renew stops leading after ten seconds, while others still wait', async () => {
    const { api, clock, join } = bench();
    const first = await join('a');
    const second = join('b');
    await settle();
    api.mishap = ({ method }) => (method === 'PUT' ? new ApiFailure('no route', { status: 0 }) : undefined);
    await clock.advance(9_999);
    expect(first.signal.aborted).toBe(false);
    await clock.advance(1);
    expect(first.signal.reason).toBeInstanceOf(LeadershipLost);
    expect(await isPending(second)).toBe(true);
    api.mishap = () => undefined;
    await clock.advance(8_000);
    expect((await second).isHeld()).toBe(true);
  });

  test('that finds another holder stops at once', async () => {
    const { api, clock, join } = bench();
    const leadership = await join('a');
    const record = { holder: 'b', durationSeconds: 15, acquiredAt: undefined, renewedAt: undefined, transitions: 1 };
    api.put(PATH, JSON.parse(JSON.stringify(leaseBody(PLACE, record))));
    await clock.advance(2_000);
    expect(leadership.signal.aborted).toBe(false);
    await clock.advance(2_000);
    expect(String(leadership.signal.reason)).toContain('is held by b');
  });

  test('whose process was stopped for a minute knows it before any timer has run', async () => {
    const { api, skipped, join } = bench();
    const leadership = await join('a');
    skipped.ms = 60_000;
    expect(leadership.signal.aborted).toBe(false);
    expect(leadership.isHeld()).toBe(false);
    expect(leadership.signal.aborted).toBe(true);
    await leadership.release();
    expect(api.of('PUT')).toMatchObject([{ body: { spec: { holderIdentity: '' } } }]);
  });

  test('whose process was stopped for a minute renews nothing after it: that would keep others waiting', async () => {
    const { api, clock, skipped, join } = bench();
    const leadership = await join('a');
    skipped.ms = 60_000;
    await clock.advance(2_000);
    expect(leadership.signal.aborted).toBe(true);
    expect(api.of('PUT')).toEqual([]);
  });

  test('that is never answered stops leading after ten seconds all the same, having asked with time for three calls', async () => {
    const { api, clock, join } = bench();
    const leadership = await join('a');
    const answer = Promise.withResolvers<void>();
    api.mishap = ({ method }) => (method === 'PUT' ? answer.promise : undefined);
    await clock.advance(9_999);
    expect(leadership.signal.aborted).toBe(false);
    await clock.advance(1);
    expect(leadership.signal.aborted).toBe(true);
    expect(api.of('PUT')).toMatchObject([{ timeoutMs: 10_000 / 3 }]);
    answer.resolve();
  });

  test('says that it cannot renew, once, and nothing of who was faster', async () => {
    const said: string[] = [];
    const { api, clock, join } = bench({
      logger: { ...silentLogger, warn: (_, fields) => said.push(JSON.stringify(fields?.['reason'])) },
    });
    await join('a');
    api.mishap = ({ method }) => (method === 'PUT' ? new ApiFailure('was modified', { status: 409 }) : undefined);
    await clock.advance(4_000);
    expect(said).toEqual([]);
    api.mishap = () => new ApiFailure('no route', { status: 0 });
    await clock.advance(4_000);
    expect(said).toEqual(['"no route"']);
    api.mishap = () => undefined;
  });

  test('gives nothing back that another has taken meanwhile', async () => {
    const { api, clock, join, holder } = bench();
    const leadership = await join('a');
    const record = { holder: 'b', durationSeconds: 15, acquiredAt: undefined, renewedAt: undefined, transitions: 1 };
    api.put(PATH, JSON.parse(JSON.stringify(leaseBody(PLACE, record))));
    await clock.advance(60_000);
    await leadership.release();
    expect(holder()).toMatchObject({ holderIdentity: 'b' });
  });

  test('gives the Lease back, so that the next leads after its next look', async () => {
    const { clock, join, holder } = bench();
    const first = await join('a');
    const second = join('b');
    await settle();
    await first.release();
    expect(holder()).toMatchObject({ holderIdentity: '' });
    expect(first.signal.aborted).toBe(false);
    await clock.advance(2_000);
    expect((await second).isHeld()).toBe(true);
    expect(holder()).toMatchObject({ holderIdentity: 'b', leaseTransitions: 1 });
  });

  test('gives the Lease back also where nothing is known of its last renewal', async () => {
    const { api, clock, join, holder } = bench();
    const leadership = await join('a');
    api.isAnswerLost = ({ method }) => method === 'PUT';
    await clock.advance(2_000);
    api.isAnswerLost = () => false;
    await leadership.release();
    expect(holder()).toMatchObject({ holderIdentity: '' });
  });

  test('makes a Lease that was deleted anew, and goes on', async () => {
    const { api, clock, join, holder } = bench();
    const leadership = await join('a');
    const second = join('b');
    await settle();
    api.objects.delete(PATH);
    await clock.advance(20_000);
    expect([leadership.isHeld(), await isPending(second)]).toEqual([true, true]);
    expect(holder()).toMatchObject({ holderIdentity: 'a' });
  });
});

describe('a candidate', () => {
  test('takes over fifteen seconds after the leader died, and not before', async () => {
    const { api, clock, join } = bench();
    const record = { holder: 'dead', durationSeconds: 15, acquiredAt: undefined, renewedAt: undefined, transitions: 4 };
    api.put(PATH, JSON.parse(JSON.stringify(leaseBody(PLACE, record))));
    const becoming = join('a');
    await settle();
    await clock.advance(14_000);
    expect(await isPending(becoming)).toBe(true);
    await clock.advance(2_000);
    expect((await becoming).isHeld()).toBe(true);
  });

  test('does not look in step with those that began with it', async () => {
    const pauses = [0, 1].map(async (chance) => {
      const { clock, join } = bench({ random: () => chance });
      await join('a');
      return clock.waits;
    });
    const [least, most] = await Promise.all(pauses);
    expect(least).toContain(1_800);
    expect(most).toContain(2_200);
  });

  test('stops looking when it is stopped', async () => {
    const { api, clock, join } = bench();
    const record = { holder: 'x', durationSeconds: 15, acquiredAt: undefined, renewedAt: undefined, transitions: 0 };
    api.put(PATH, JSON.parse(JSON.stringify(leaseBody(PLACE, record))));
    const over = new AbortController();
    const becoming = join('a', over.signal);
    await settle();
    over.abort(new Error('stopped'));
    await expect(becoming).rejects.toThrow('stopped');
    const { length } = api.requests;
    await clock.advance(60_000);
    expect(api.requests).toHaveLength(length);
  });
});
