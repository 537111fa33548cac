import { describe, expect, test } from 'vitest';
import { ApiFailure } from '../../../../sync-agent/kubernetes/api.ts';
import { jsonLogger } from '../../../../sync-agent/json-log.ts';
import { EventRecorder } from '../../../../sync-agent/status/kubernetes/event-recorder.ts';
import { resourceAddress } from '../../../../sync-agent/status/kubernetes/resource-path.ts';
import type { TransitionEvent } from '../../../../sync-agent/status/kubernetes/transition-events.ts';
import { FakeKubernetesApi } from '../../support/fake-kubernetes-api.ts';
import { manualClock, settle } from '../../support/manual-clock.ts';

const programmed: TransitionEvent = { type: 'Normal', reason: 'Programmed', note: 'served', action: 'Publish' };
const failed: TransitionEvent = { type: 'Warning', reason: 'PublishFailed', note: 'away', action: 'Publish' };

function bench() {
  const api = new FakeKubernetesApi();
  const clock = manualClock();
  const lines: string[] = [];
  const logger = jsonLogger((line) => lines.push(line), clock, 'info');
  const events = new EventRecorder({ api, instance: 'pod-1', clock, random: Math.random, logger });
  const record = async (name: string, event: TransitionEvent) => {
    events.record({ ...resourceAddress(`GatewayRoute/ai/${name}`)!, uid: `uid-${name}` }, event);
    await settle();
  };
  return { api, clock, events, record, lines };
}

describe('an Event', () => {
  test('says what became of which resource, and who says so', async () => {
    const { api, record } = bench();
    await record('chat', programmed);
    expect(api.requests).toMatchObject([
      {
        method: 'POST',
        path: '/apis/events.k8s.io/v1/namespaces/ai/events',
        body: {
          kind: 'Event',
          metadata: { name: expect.stringMatching(/^chat\.[0-9a-f]+$/), namespace: 'ai' },
          eventTime: '2026-11-01T00:00:00.000000Z',
          reportingController: 'fairlead.dev/sync-agent',
          reportingInstance: 'pod-1',
          regarding: { kind: 'GatewayRoute', namespace: 'ai', name: 'chat', uid: 'uid-chat' },
          type: 'Normal',
          reason: 'Programmed',
          action: 'Publish',
          note: 'served',
        },
      },
    ]);
  });

  test('that is repeated soon becomes a series, and later one of its own', async () => {
    const { api, clock, record } = bench();
    await record('chat', failed);
    await record('chat', programmed);
    await clock.advance(60_000);
    await record('chat', failed);
    expect(api.of('PATCH')).toMatchObject([
      { body: { series: { count: 2, lastObservedTime: '2026-11-01T00:01:00.000000Z' } } },
    ]);
    await clock.advance(600_000);
    await record('chat', failed);
    expect(api.of('POST')).toHaveLength(3);
  });

  test('is left out where a resource has had too many', async () => {
    const { api, clock, record } = bench();
    for (let i = 0; i < 40; i++) await record('chat', { ...failed, note: `away ${i}` });
    expect(api.requests).toHaveLength(25);
    await record('other', failed);
    expect(api.requests).toHaveLength(26);
    await clock.advance(300_000);
    await record('chat', { ...failed, note: 'away again' });
    expect(api.requests).toHaveLength(27);
  });

  test('is left out where ten thousand resources change at once', async () => {
    const { api, record } = bench();
    for (let i = 0; i < 10_000; i++) void record(`r${i}`, programmed);
    await settle();
    expect(api.requests).toHaveLength(100);
  });

  test('that may not be written is said once, and keeps nothing from going on', async () => {
    const { api, record, lines } = bench();
    api.mishap = () => new ApiFailure('events is forbidden', { status: 403 });
    await record('chat', failed);
    await record('chat', programmed);
    expect(lines).toHaveLength(1);
  });

  test('is not written any more once it is over', async () => {
    const { api, events, record } = bench();
    await events.stop();
    await record('chat', failed);
    expect(api.requests).toEqual([]);
  });
});
