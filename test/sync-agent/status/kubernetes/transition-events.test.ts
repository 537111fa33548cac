import { describe, expect, test } from 'vitest';
import type { StatusCondition } from '../../../../sync-agent/status/kubernetes/stored-status.ts';
import { transitionEvents } from '../../../../sync-agent/status/kubernetes/transition-events.ts';

const condition = (type: string, status: string, reason: string): StatusCondition => ({
  type,
  status,
  reason,
  message: `${reason}.`,
  observedGeneration: 1,
  lastTransitionTime: '2026-11-01T00:00:00Z',
});
const programmed = condition('Programmed', 'True', 'Programmed');
const pending = condition('Programmed', 'False', 'Pending');
const failed = condition('Programmed', 'False', 'PublishFailed');
const notShipped = condition('Programmed', 'False', 'NotShipped');
const unknown = condition('Programmed', 'Unknown', 'Pending');
const accepted = condition('Accepted', 'True', 'Accepted');
const conflicted = condition('Accepted', 'False', 'Conflicted');

describe('what is worth an Event', () => {
  test.each<[string, StatusCondition | undefined, StatusCondition, string[]]>([
    ['the edge serves it for the first time', undefined, programmed, ['Normal Programmed']],
    ['the edge serves it again', pending, programmed, ['Normal Programmed']],
    ['the edge goes on serving it', programmed, programmed, []],
    ['it changed, and is on its way', programmed, pending, []],
    ['the edge has not been heard of', programmed, unknown, []],
    ['it cannot be published', pending, failed, ['Warning PublishFailed']],
    ['it still cannot', failed, failed, []],
    ['nothing has ever led to it', undefined, notShipped, []],
    ['nothing leads to it any more', programmed, notShipped, ['Warning NotShipped']],
    ['somebody suspended the edge', programmed, condition('Programmed', 'False', 'Suspended'), ['Normal Suspended']],
    ['the edge has yet to look at a service', undefined, condition('ResolvedRefs', 'False', 'BackendPending'), []],
    ['it is sound from the start', undefined, accepted, []],
    ['it gives way', accepted, conflicted, ['Warning Conflicted']],
    ['it no longer gives way', conflicted, accepted, ['Normal Accepted']],
    ['another thing stands against it', conflicted, condition('Accepted', 'False', 'Invalid'), ['Warning Invalid']],
  ])('%s', (_, before, after, events) => {
    const found = transitionEvents(before ? [before] : [], [after]);
    expect(found.map(({ type, reason }) => `${type} ${reason}`)).toEqual(events);
  });
});
