import { currentLife, Life, within } from './life.ts';
import type { VirtualClock } from './virtual-clock.ts';

/** How long what was handed to `waitUntil` may go on after the response, in milliseconds. */
const GRACE_MS = 30_000;

/**
 * One request in an isolate: alive until it is answered, or its client leaves, and then for as long as what it handed
 * to `waitUntil` takes, at most thirty seconds. Everything else that it has under way then is lost.
 */
export class WorkerRequest extends Life {
  readonly #clock: VirtualClock;
  readonly #pending = new Set<Promise<unknown>>();
  #over = false;

  constructor(clock: VirtualClock) {
    super();
    this.#clock = clock;
  }

  /** Runs the handler. Rejected where the request ends without an answer: its isolate was killed, or the client left. */
  async handle<T>(handler: () => Promise<T>): Promise<T> {
    try {
      return await within(this, handler, 'the request');
    } finally {
      this.#finish();
    }
  }

  /** The client goes away before the answer. */
  leave(): void {
    this.#finish();
  }

  waitUntil(promise: Promise<unknown>): void {
    this.#pending.add(promise);
    const settled = () => {
      this.#pending.delete(promise);
      if (this.#over && this.#pending.size === 0) this.end();
    };
    promise.then(settled, settled);
  }

  #finish(): void {
    if (this.#over) return;
    this.#over = true;
    if (this.#pending.size === 0) this.end();
    else this.#clock.after(GRACE_MS, () => this.end());
  }
}

/** As `waitUntil` of cloudflare:workers: of the request that runs. @throws outside of a request */
export function waitUntil(promise: Promise<unknown>): void {
  const life = currentLife();
  if (!(life instanceof WorkerRequest)) throw new Error('waitUntil() was called outside of a request');
  life.waitUntil(promise);
}
