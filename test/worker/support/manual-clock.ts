import type { Clock } from '../../../worker/clock.ts';

interface Timer {
  readonly at: number;
  readonly run: () => void;
}

/** A clock that moves only when it is told to. */
export class ManualClock implements Clock {
  #now = Date.parse('2026-01-01T00:00:00Z');
  readonly #timers = new Set<Timer>();

  readonly now = (): number => this.#now;

  readonly after = (ms: number, run: () => void): (() => void) => {
    const timer = { at: this.#now + ms, run };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  };

  /** Lets so much time pass: every timer that is due runs at its time, and so does all that follows from it. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await whatIsReady();
    for (let due = this.#next(end); due; due = this.#next(end)) {
      this.#timers.delete(due);
      this.#now = Math.max(this.#now, due.at);
      due.run();
      await whatIsReady();
    }
    this.#now = end;
    await whatIsReady();
  }

  #next(end: number): Timer | undefined {
    const [first] = [...this.#timers].filter(({ at }) => at <= end).toSorted((a, b) => a.at - b.at);
    return first;
  }
}

/** Everything that waits for nothing but its turn has had it. */
async function whatIsReady(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await scheduler.wait(0);
}
