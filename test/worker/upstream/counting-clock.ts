import type { Clock } from '../../../worker/clock.ts';

export interface CountingClock extends Clock {
  /** Moves on, running in their order the timers that are due. */
  readonly advance: (ms: number) => void;
  /** Timers that are set and neither run nor cancelled. */
  readonly timers: () => number;
  /** Timers that were ever set. */
  readonly everSet: () => number;
}

/** A clock that stands still until it is moved, which takes no turn of the event loop, and that counts its timers. */
export function countingClock(startsAt = 1_000_000): CountingClock {
  let now = startsAt;
  let everSet = 0;
  const timers = new Set<{ readonly at: number; readonly run: () => void }>();
  const nextUntil = (end: number) => [...timers].filter(({ at }) => at <= end).toSorted((a, b) => a.at - b.at)[0];
  return {
    now: () => now,
    after(ms, run) {
      const timer = { at: now + ms, run };
      timers.add(timer);
      everSet++;
      return () => void timers.delete(timer);
    },
    advance(ms) {
      const end = now + ms;
      for (let timer = nextUntil(end); timer; timer = nextUntil(end)) {
        timers.delete(timer);
        now = Math.max(now, timer.at);
        timer.run();
      }
      now = end;
    },
    timers: () => timers.size,
    everSet: () => everSet,
  };
}
