import { abortReason, type Clock } from '../../../sync-agent/clock.ts';

interface Timer {
  readonly at: number;
  readonly resolve: () => void;
}

/** A clock that stands still until it is moved. */
export interface ManualClock extends Clock {
  /** How long the waits were that were begun, in order. */
  readonly waits: readonly number[];
  /** Moves on, ending the waits that are due in their order. */
  advance(ms: number): Promise<void>;
  /** Resolves once somebody waits. */
  untilWaiting(): Promise<void>;
  /** Milliseconds until the next wait ends. */
  next(): number;
}

/**
 * @param isEndless waits that never end, such as calls' deadlines: what a test does between two moves of the clock may
 * take any time of ours
 */
export function manualClock(isEndless: (ms: number) => boolean = () => false): ManualClock {
  let now = Date.parse('2026-11-01T00:00:00Z');
  const timers = new Set<Timer>();
  const waits: number[] = [];
  let waiting = Promise.withResolvers<void>();
  const due = () => [...timers].filter(({ at }) => at <= now).toSorted((a, b) => a.at - b.at)[0];
  return {
    waits,
    now: () => now,
    wait: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal.aborted) {
          reject(abortReason(signal));
          return;
        }
        waits.push(ms);
        const timer = { at: now + ms, resolve };
        if (!isEndless(ms)) timers.add(timer);
        waiting.resolve();
        signal.addEventListener('abort', () => {
          timers.delete(timer);
          reject(abortReason(signal));
        });
      }),
    advance: async (ms) => {
      // What is due already happens before time goes on, and so nothing that should not happen goes unseen.
      await settle();
      const end = now + ms;
      for (;;) {
        const [first] = [...timers].filter(({ at }) => at <= end).toSorted((a, b) => a.at - b.at);
        if (!first) break;
        now = Math.max(now, first.at);
        for (let timer = due(); timer; timer = due()) {
          timers.delete(timer);
          timer.resolve();
        }
        await settle();
      }
      now = end;
    },
    untilWaiting: async () => {
      if (timers.size > 0) return;
      waiting = Promise.withResolvers<void>();
      await waiting.promise;
    },
    next: () => Math.min(...[...timers].map(({ at }) => at)) - now,
  };
}

/** Lets everything run that only waits for promises and for what Node has ready. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** A clock whose waits are over at once, but for those of calls' deadlines, which never are. */
export function hastyClock(isDeadline: (ms: number) => boolean): Clock & { readonly waits: readonly number[] } {
  let now = Date.parse('2026-11-01T00:00:00Z');
  const waits: number[] = [];
  return {
    waits,
    now: () => now,
    wait: async (ms, signal) => {
      signal.throwIfAborted();
      if (isDeadline(ms))
        return new Promise((_, reject) => {
          signal.addEventListener('abort', () => reject(abortReason(signal)));
        });
      waits.push(ms);
      now += ms;
    },
  };
}
