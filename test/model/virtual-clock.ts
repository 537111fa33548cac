import { AsyncLocalStorage } from 'node:async_hooks';
import { setImmediate } from 'node:timers/promises';

export interface Timer {
  cancel(): void;
}

interface Event {
  readonly time: number;
  readonly run: () => void;
}

/**
 * The one clock of a run. Time passes only where the run says so, from event to event in the order of their times;
 * between two events everything that waits for nothing but the processor comes to its end. So the same seed gives the
 * same run, and a week takes milliseconds.
 */
export class VirtualClock {
  #now: number;
  /** Sorted by time; equal times in the order of their planning. */
  readonly #events: Event[] = [];
  #busy = 0;

  constructor(start: number) {
    this.#now = start;
  }

  /** Milliseconds since the epoch. */
  readonly now = (): number => this.#now;

  /** Calls back after `ms`, in the asynchronous context of now. */
  after(ms: number, callback: () => void): Timer {
    const inContext = AsyncLocalStorage.snapshot();
    const event: Event = { time: this.#now + Math.max(0, ms), run: () => inContext(callback) };
    const later = this.#events.findIndex(({ time }) => time > event.time);
    this.#events.splice(later < 0 ? this.#events.length : later, 0, event);
    return {
      cancel: () => {
        const at = this.#events.indexOf(event);
        if (at >= 0) this.#events.splice(at, 1);
      },
    };
  }

  readonly sleep = (ms: number): Promise<void> => new Promise((wake) => void this.after(ms, wake));

  /** Lets `ms` milliseconds pass. */
  async advance(ms: number): Promise<void> {
    const until = this.#now + ms;
    for (;;) {
      await this.settle();
      const next = this.#events[0];
      if (!next || next.time > until) break;
      this.#fire(next);
    }
    this.#now = until;
  }

  /** Lets time pass until the promise is settled. @throws where that takes more than `limitMs`, or nothing is left to happen */
  async pass<T>(promise: Promise<T>, limitMs: number): Promise<T> {
    const until = this.#now + limitMs;
    let settled = false;
    const watch = async (): Promise<void> => {
      await Promise.allSettled([promise]);
      settled = true;
    };
    void watch();
    for (;;) {
      await this.settle();
      if (settled) return promise;
      const next = this.#events[0];
      if (!next || next.time > until) throw new Error(`it did not happen within ${limitMs} ms`);
      this.#fire(next);
    }
  }

  /** Time stands still until the promise is settled: for work that is done outside of JavaScript, and takes no time here. */
  async whileStanding<T>(promise: Promise<T>): Promise<T> {
    this.#busy++;
    try {
      return await promise;
    } finally {
      this.#busy--;
    }
  }

  /** Everything has happened that can happen without time passing. */
  async settle(): Promise<void> {
    do await setImmediate();
    while (this.#busy > 0);
  }

  #fire(event: Event): void {
    this.#events.splice(this.#events.indexOf(event), 1);
    this.#now = Math.max(this.#now, event.time);
    event.run();
  }
}
