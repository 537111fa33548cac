import { describe, expect, test } from 'vitest';
import { PollClock } from '../../../worker/table/poll-clock.ts';

describe('an isolate that the hub does not answer', () => {
  const pauses = (clock: PollClock, time: { now: number }): number => {
    const begun = time.now;
    while (!clock.due()) time.now += 100;
    return time.now - begun;
  };

  test('asks later each time, half a minute later at most, until it is answered', () => {
    const time = { now: 0 };
    const clock = new PollClock(() => time.now);
    const waited = Array.from({ length: 7 }, () => {
      clock.failed();
      return pauses(clock, time);
    });
    expect(waited).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
    clock.answered(time.now, { nextPollMs: 500, staleAfterMs: 1_000 });
    expect(pauses(clock, time)).toBe(500);
    expect(clock.unanswered()).toBe(false);
  });

  test('does not put its next question off because many requests fail at the same time', () => {
    const time = { now: 0 };
    const clock = new PollClock(() => time.now);
    for (let request = 0; request < 50; request++) {
      clock.failed();
      time.now += 10;
    }
    expect(pauses(clock, time)).toBeLessThanOrEqual(1_000);
  });
});
