import { describe, expect, test } from 'vitest';
import { readAgentLease } from '../../../cli/status/agent-lease.ts';
import { renderAgent } from '../../../cli/status/render-agent.ts';
import { ApiFailure } from '../../../sync-agent/kubernetes/api.ts';

const LEASE = { namespace: 'fairlead-system', name: 'fairlead-sync-agent' };
const NOW = Date.parse('2026-05-01T12:00:00Z');
const NEVER = new AbortController().signal;

/** A clock whose waits end at once, and a Lease that changes from read to read. */
async function look(...reads: readonly (object | ApiFailure)[]) {
  let now = NOW;
  const clock = {
    now: () => now,
    wait: async (ms: number) => {
      now += ms;
    },
  };
  const left = [...reads];
  const call = async () => {
    const [read] = left.length > 1 ? left.splice(0, 1) : left;
    if (read instanceof Error) throw read;
    return read;
  };
  return readAgentLease({ call }, LEASE, clock, NEVER);
}

const lease = (holder: string, renewTime: string, resourceVersion = '1') => ({
  metadata: { resourceVersion },
  spec: { holderIdentity: holder, leaseDurationSeconds: 15, acquireTime: '2026-05-01T09:00:00.000000Z', renewTime },
});

describe('whether an agent leads', () => {
  test('a Lease that was renewed just now is led', async () => {
    const found = await look(lease('agent-1', '2026-05-01T11:59:57.000000Z'));
    expect(found).toMatchObject({ type: 'Led', holder: 'agent-1', since: '2026-05-01T09:00:00.000000Z' });
    expect(renderAgent(found, NOW)).toMatch(/agent-1 leads, since 3 h$/);
  });

  test('one that was not renewed for long, and is not now, is led by nobody', async () => {
    const found = await look(lease('agent-1', '2026-05-01T11:50:00.000000Z'));
    expect(found).toEqual({ type: 'NotLed', holder: 'agent-1', renewedAt: '2026-05-01T11:50:00.000000Z' });
    expect(renderAgent(found, NOW)).toMatch(
      /none leads.*agent-1 was the last\. No agent has written any status for 10 min/,
    );
  });

  test.each(['2026-05-01T11:50:00.000000Z', '2026-05-01T12:10:00.000000Z'])(
    'one of %s that is renewed while it is looked at is led: the clocks differ',
    async (renewTime) => {
      const found = await look(
        lease('agent-1', renewTime),
        lease('agent-1', renewTime),
        lease('agent-1', renewTime, '2'),
      );
      expect(found).toMatchObject({ type: 'Led' });
    },
  );

  test('one that was given back is led by nobody', async () => {
    const found = await look(lease('', '2026-05-01T11:59:57.000000Z'));
    expect(found).toMatchObject({ type: 'NotLed', holder: '' });
    expect(renderAgent(found, NOW)).toContain('it was given back');
  });

  test('one that is not there, or may not be read, is said so', async () => {
    const absent = await look(new ApiFailure('not found', { status: 404 }));
    expect(renderAgent(absent, NOW)).toMatch(/none leads.*: namespace fairlead-system has no Lease/);
    const denied = await look(new ApiFailure('forbidden', { status: 403 }));
    expect(renderAgent(denied, NOW)).toContain('you may not read Lease fairlead-system/fairlead-sync-agent');
  });
});
