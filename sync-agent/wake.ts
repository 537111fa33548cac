import { abortReason, type Clock } from './clock.ts';

/** A sleep that only a ring ends, in milliseconds: the longest of a timer. */
export const UNTIL_RUNG_MS = 2 ** 31 - 1;

/** Lets one loop sleep until somebody has something for it. Rings before it sleeps are not lost, several count once. */
export class Wake {
  #rung = false;
  #sleeper: (() => void) | undefined;

  ring(): void {
    this.#rung = true;
    this.#sleeper?.();
  }

  /** Resolves to true when it is rung, to false after `ms`. @throws the signal's reason */
  async sleep(ms: number, clock: Clock, signal: AbortSignal): Promise<boolean> {
    if (signal.aborted) throw abortReason(signal);
    if (!this.#rung) {
      const over = new AbortController();
      const bell = new Promise<void>((resolve) => {
        this.#sleeper = resolve;
      });
      try {
        await Promise.race([bell, clock.wait(ms, AbortSignal.any([signal, over.signal]))]);
      } finally {
        this.#sleeper = undefined;
        over.abort(new Error('woken'));
      }
    }
    const rung = this.#rung;
    this.#rung = false;
    return rung;
  }

  /**
   * After a first ring: until nothing has rung for `quietMs`, so that a burst of changes is one, but no longer than
   * `maximumMs`, so that changes without end are not put off without end.
   */
  async settle({ quietMs, maximumMs }: Debounce, clock: Clock, signal: AbortSignal): Promise<void> {
    const end = clock.now() + maximumMs;
    for (let left = maximumMs; left > 0; left = end - clock.now())
      if (!(await this.sleep(Math.min(quietMs, left), clock, signal))) return;
  }
}

export interface Debounce {
  readonly quietMs: number;
  readonly maximumMs: number;
}
