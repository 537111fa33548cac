import type { Clock } from '../clock.ts';
import { backoffMs, type Backoff } from '../publish/backoff.ts';
import { UNTIL_RUNG_MS, Wake } from '../wake.ts';

export type WorkOutcome =
  | { readonly type: 'Done' }
  /** It failed. @property afterMs at the earliest, whatever the backoff says */
  | { readonly type: 'Retry'; readonly afterMs?: number | undefined }
  /** Nothing is wrong, but it is too early: a key that is added meanwhile is worked on at once. */
  | { readonly type: 'Later'; readonly afterMs: number };

export interface WorkQueueOptions {
  /** How many keys are worked on at once. */
  readonly concurrency: number;
  readonly backoff: Backoff;
  /** What it throws counts as Retry. Aborted only when the queue does not end in time. */
  readonly work: (key: string, signal: AbortSignal) => Promise<WorkOutcome>;
  readonly clock: Clock;
  /** As Math.random. */
  readonly random: () => number;
  readonly observer: WorkQueueObserver;
}

/** Told of what metrics are made of. */
export interface WorkQueueObserver {
  depth(keys: number): void;
  added(): void;
  retried(): void;
  worked(outcome: WorkOutcome['type'] | 'Thrown', seconds: number): void;
}

interface Item {
  state: 'Waiting' | 'Working' | 'Failed' | 'Postponed';
  /** Whether it was added again while it was worked on. */
  again: boolean;
  failures: number;
  /** When a failed or postponed one is due; milliseconds since the epoch. */
  dueAt: number;
}

/** Due times are looked through no more often than this, in milliseconds: many keys may fail together. */
const DUE_STEP_MS = 50;

/**
 * Works on keys, each by no more than one at a time. A key says that something is new about a thing, not what: whoever
 * works on it takes the newest. So it holds no more than there are things, however often they change and fail.
 */
export class WorkQueue {
  readonly #options: WorkQueueOptions;
  readonly #items = new Map<string, Item>();
  readonly #waiting = new Set<string>();
  readonly #working = new Map<string, Promise<void>>();
  readonly #wake = new Wake();
  readonly #stopping = new AbortController();
  readonly #overdue = new AbortController();
  /** Keys that are Failed or Postponed. */
  #delayed = 0;

  constructor(options: WorkQueueOptions) {
    this.#options = options;
  }

  /** Keys that are waiting, failed, or being worked on. */
  get size(): number {
    return this.#items.size;
  }

  add(key: string): void {
    if (this.#stopping.signal.aborted) return;
    const item = this.#items.get(key);
    this.#options.observer.added();
    if (!item) {
      this.#items.set(key, { state: 'Waiting', again: false, failures: 0, dueAt: 0 });
      this.#waiting.add(key);
    } else if (item.state === 'Working') item.again = true;
    // One that failed is not asked for more often because its value changes.
    else if (item.state === 'Postponed') this.#await(key, item);
    this.#tell();
    this.#wake.ring();
  }

  /** Resolves when it is stopped. */
  async run(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#stopping;
    try {
      while (!signal.aborted) {
        this.#fill();
        await this.#wake.sleep(this.#untilDue(), clock, signal);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  /** Begins nothing new, and resolves once what is under way has ended, or was aborted after `graceMs`. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping.abort(new Error('stopped'));
    const over = new AbortController();
    const deadline = this.#options.clock.wait(graceMs, over.signal).then(
      () => this.#overdue.abort(new Error(`not ended within ${graceMs} ms`)),
      () => undefined,
    );
    await Promise.all(this.#working.values());
    over.abort(new Error('ended'));
    await deadline;
  }

  #fill(): void {
    this.#wakeDue();
    for (const key of this.#waiting) {
      if (this.#working.size >= this.#options.concurrency) return;
      const item = this.#items.get(key);
      this.#waiting.delete(key);
      if (!item) continue;
      item.state = 'Working';
      this.#working.set(key, this.#work(key, item));
    }
  }

  async #work(key: string, item: Item): Promise<void> {
    const { work, clock, observer } = this.#options;
    const began = clock.now();
    let outcome: WorkOutcome = { type: 'Retry' };
    let isThrown = false;
    try {
      outcome = await work(key, this.#overdue.signal);
    } catch {
      // Whoever works says what is wrong; what is not said is tried again.
      isThrown = true;
    }
    observer.worked(isThrown ? 'Thrown' : outcome.type, (clock.now() - began) / 1000);
    this.#working.delete(key);
    this.#settle(key, item, outcome);
    this.#tell();
    this.#wake.ring();
  }

  #settle(key: string, item: Item, outcome: WorkOutcome): void {
    const { clock, backoff, random, observer } = this.#options;
    const isAgain = item.again;
    item.again = false;
    switch (outcome.type) {
      case 'Done':
        item.failures = 0;
        if (isAgain) this.#await(key, item);
        else this.#items.delete(key);
        return;
      case 'Later':
        item.failures = 0;
        if (isAgain) this.#await(key, item);
        else this.#delay(item, 'Postponed', clock.now() + outcome.afterMs);
        return;
      case 'Retry':
        observer.retried();
        this.#delay(
          item,
          'Failed',
          clock.now() + Math.max(outcome.afterMs ?? 0, backoffMs(backoff, item.failures, random)),
        );
        item.failures += 1;
    }
  }

  #await(key: string, item: Item): void {
    if (item.state === 'Failed' || item.state === 'Postponed') this.#delayed -= 1;
    item.state = 'Waiting';
    this.#waiting.add(key);
  }

  #delay(item: Item, state: 'Failed' | 'Postponed', dueAt: number): void {
    item.state = state;
    item.dueAt = dueAt;
    this.#delayed += 1;
  }

  #wakeDue(): void {
    if (this.#delayed === 0) return;
    const now = this.#options.clock.now();
    for (const [key, item] of this.#items) if (isDelayed(item) && item.dueAt <= now) this.#await(key, item);
  }

  #untilDue(): number {
    if (this.#delayed === 0) return UNTIL_RUNG_MS;
    const now = this.#options.clock.now();
    let first = Infinity;
    for (const item of this.#items.values()) if (isDelayed(item)) first = Math.min(first, item.dueAt);
    return Math.max(DUE_STEP_MS, first - now);
  }

  #tell(): void {
    this.#options.observer.depth(this.#items.size);
  }
}

function isDelayed({ state }: Item): boolean {
  return state === 'Failed' || state === 'Postponed';
}
