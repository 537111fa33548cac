import { describe, expect, test } from 'vitest';
import { CallControl } from '../../../worker/upstream/call-control.ts';
import { countingClock } from './counting-clock.ts';

describe('a caller that hangs up', () => {
  test('ends the call and the reading, where the route says Abort', () => {
    const { control, client, stops } = controlled('Abort');
    const signal = control.begin();
    control.reading(stops.add);
    client.abort();
    expect([signal.aborted, stops.count(), control.isOver, control.clientGone]).toEqual([true, 1, true, true]);
    expect(control.reasonToStop('team/openai')?.code).toBe('client_closed_request');
  });

  test('ends nothing where it says Drain', () => {
    const { control, client, stops } = controlled('Drain');
    const signal = control.begin();
    control.reading(stops.add);
    client.abort();
    expect([signal.aborted, stops.count(), control.isOver, control.clientGone]).toEqual([false, 0, false, true]);
    expect(control.reasonToStop('team/openai')).toBeUndefined();
  });

  test('before anything began is noticed as well', () => {
    const client = new AbortController();
    client.abort();
    const { control } = controlled('Abort', client);
    expect([control.clientGone, control.isOver]).toEqual([true, true]);
  });

  test.each(['Abort', 'Drain'] as const)('is told of once, so that nobody waits for it: %s', (onClientAbort) => {
    const { control, client, gone } = controlled(onClientAbort);
    control.begin();
    client.abort();
    control.clientLeft();
    expect(gone.count()).toBe(1);
  });

  test('stops the reading once, however often that is said', () => {
    const { control, client, stops } = controlled('Abort');
    control.begin();
    control.reading(stops.add);
    client.abort();
    control.clientLeft();
    control.abort();
    expect(stops.count()).toBe(1);
  });
});

describe('a deadline', () => {
  test.each([
    ['firstByte', /did not begin to answer in time/],
    ['firstEvent', /accepted the request and then sent no answer/],
    ['idle', /stopped sending in the middle/],
  ] as const)('for %s ends this attempt, says so, and leaves the next one free', (phase, sentence) => {
    const { control, clock } = controlled('Abort');
    const first = control.begin();
    control.watchdog.expect(phase, 100);
    clock.advance(100);
    expect(first.aborted).toBe(true);
    expect(control.isOver).toBe(false);
    expect(control.reasonToStop('team/openai')).toMatchObject({
      code: 'upstream_timeout',
      detail: phase,
      message: expect.stringMatching(sentence),
    });
    expect(control.reasonToStop('team/openai')?.message).toContain('team/openai');
    const second = control.begin();
    expect([second.aborted, control.reasonToStop('team/openai')]).toEqual([false, undefined]);
  });

  test('for everything ends all attempts, and is told', () => {
    const { control, clock, totals } = controlled('Drain');
    const signal = control.begin();
    control.watchdog.expect('idle', 100_000);
    clock.advance(60_000);
    expect([signal.aborted, control.isOver, totals.count()]).toEqual([true, true, 1]);
    expect(control.reasonToStop('x')).toMatchObject({ code: 'upstream_timeout', detail: 'total' });
  });
});

function controlled(onClientAbort: 'Abort' | 'Drain', client = new AbortController()) {
  const clock = countingClock();
  const stops = counter();
  const totals = counter();
  const gone = counter();
  const control = new CallControl({
    clock,
    totalMs: 60_000,
    onClientAbort,
    clientSignal: client.signal,
    onClientGone: gone.add,
    onTotal: totals.add,
  });
  return { control, client, clock, stops, gone, totals };
}

function counter() {
  let times = 0;
  return { add: () => void times++, count: () => times };
}
