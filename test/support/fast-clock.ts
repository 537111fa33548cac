import { systemClock, type Clock } from '../../sync-agent/clock.ts';

/** A clock that runs so many times faster than the world: for what waits for minutes, with a real server beside it. */
export function fastClock(times: number): Clock {
  const start = Date.now();
  return {
    now: () => start + (Date.now() - start) * times,
    wait: (ms, signal) => systemClock.wait(ms / times, signal),
  };
}
