import { describe, expect, test } from 'vitest';
import { ApiFailure } from '../../../../sync-agent/kubernetes/api.ts';
import { stepAfter, type Standing } from '../../../../sync-agent/source/kubernetes/reflector-step.ts';
import { Silence } from '../../../../sync-agent/source/kubernetes/silence.ts';

const failing = (status: number, retryAfterMs?: number) =>
  new ApiFailure(`answered ${status}`, { status, ...(retryAfterMs !== undefined && { retryAfterMs }) });

describe('what follows upon the end of an attempt', () => {
  test.each<{ what: string; ending: unknown; standing: Partial<Standing>; step: ReturnType<typeof stepAfter> }>([
    {
      what: 'an end in order: at once from where it was, if it learnt something',
      ending: undefined,
      standing: { failures: 0 },
      step: { from: 'Position', inPages: false, pauseMs: 0 },
    },
    {
      what: 'an end in order by which nothing was learnt: after a pause',
      ending: undefined,
      standing: { failures: 2 },
      step: { from: 'Position', inPages: false, pauseMs: 1_000 },
    },
    {
      what: 'a silence: at once, whatever failed before it, for it took long enough',
      ending: new Silence(),
      standing: { failures: 3, silences: 1 },
      step: { from: 'Position', inPages: false, pauseMs: 0 },
    },
    {
      what: 'a second silence: at once, with the whole',
      ending: new Silence(),
      standing: { failures: 1, silences: 2 },
      step: { from: 'Start', inPages: false, pauseMs: 0 },
    },
    {
      what: 'a position that has expired: with the whole',
      ending: failing(410),
      standing: { failures: 1 },
      step: { from: 'Start', inPages: false, pauseMs: 500 },
    },
    {
      what: 'a position that the server cannot read: with the whole, after a pause',
      ending: failing(400),
      standing: { failures: 2, asked: 'Changes' },
      step: { from: 'Start', inPages: false, pauseMs: 1_000 },
    },
    {
      what: 'a streamed list that the server does not know: at once, in pages',
      ending: failing(422),
      standing: { failures: 1, asked: 'Stream' },
      step: { from: 'Start', inPages: true, pauseMs: 0 },
    },
    {
      what: 'a server that asks for a longer pause: as long as it asks for',
      ending: failing(429, 7_000),
      standing: { failures: 1 },
      step: { from: 'Position', inPages: false, pauseMs: 7_000 },
    },
    {
      what: 'a server that asks for a shorter pause than its failures are worth: the longer one',
      ending: failing(429, 1_000),
      standing: { failures: 4 },
      step: { from: 'Position', inPages: false, pauseMs: 4_000 },
    },
    {
      what: 'a connection that broke: after a pause of at most twenty seconds',
      ending: new Error('other side closed'),
      standing: { failures: 30 },
      step: { from: 'Position', inPages: false, pauseMs: 20_000 },
    },
  ])('$what', ({ ending, standing, step }) => {
    const whole: Standing = { failures: 0, silences: 0, asked: 'Changes', ...standing };
    expect(stepAfter(ending, whole, () => 1)).toEqual(step);
  });
});
