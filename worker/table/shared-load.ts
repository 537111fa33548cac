/**
 * One load at a time, for all requests of an isolate. Requests share the value that a load leaves in memory, never
 * its promise: a load dies with the request that started it, and whoever awaited its promise would wait for ever.
 * So one who finds a load under way looks for the value by turns of its own clock, and after `patienceMs` loads for
 * itself.
 */
export interface SharedLoadOptions<T> {
  /** The value, once it is in memory. */
  readonly read: () => T | undefined;
  /** Puts the value into memory. To be given up when the signal aborts. */
  readonly load: (signal: AbortSignal) => Promise<unknown>;
  /** How long a load may take before it counts as dead, in milliseconds. */
  readonly deadlineMs: number;
  /** How long one waits for another's load before one loads for oneself, in milliseconds. */
  readonly patienceMs: number;
  readonly now: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  /** Keeps the request alive that a promise belongs to (`waitUntil` of cloudflare:workers). */
  readonly waitUntil: (promise: Promise<unknown>) => void;
}

const LOOK_EVERY_MS = 5;

export class SharedLoad<T> {
  readonly #options: SharedLoadOptions<T>;
  /** The load under way; its identity tells whether it is still the latest. */
  #running: { readonly since: number } | undefined;
  /** How the latest load failed, for those who waited for it. */
  #failed: { readonly load: object; readonly error: unknown } | undefined;

  constructor(options: SharedLoadOptions<T>) {
    this.#options = options;
  }

  /** Starts a load in the background unless one is under way. */
  start(): void {
    if (!this.#underWay()) this.#options.waitUntil(this.#load().catch(() => undefined));
  }

  /**
   * The value after a load: another's, where one is under way and ends in time, else one's own.
   *
   * @throws what the load threw
   */
  async value(): Promise<T> {
    const { read, patienceMs, now, sleep } = this.#options;
    const awaited = this.#underWay();
    const until = now() + patienceMs;
    while (this.#awaits(awaited) && now() < until) await sleep(LOOK_EVERY_MS);
    if (awaited && !this.#awaits(awaited)) {
      if (this.#failed?.load === awaited) throw this.#failed.error;
      const found = read();
      if (found !== undefined) return found;
    }
    const loading = this.#load();
    this.#options.waitUntil(loading.catch(() => undefined));
    await loading;
    const loaded = read();
    if (loaded === undefined) throw new Error('the load ended and left nothing');
    return loaded;
  }

  #underWay(): { readonly since: number } | undefined {
    const running = this.#running;
    return running && this.#options.now() - running.since < this.#options.deadlineMs ? running : undefined;
  }

  #awaits(load: object | undefined): boolean {
    return load !== undefined && this.#running === load;
  }

  async #load(): Promise<void> {
    const { load, deadlineMs, now } = this.#options;
    const mine = { since: now() };
    this.#running = mine;
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), deadlineMs);
    try {
      await Promise.race([load(abort.signal), aborted(abort.signal)]);
    } catch (error) {
      this.#failed = { load: mine, error };
      throw error;
    } finally {
      clearTimeout(timer);
      if (this.#running === mine) this.#running = undefined;
    }
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(new Error('the load took too long', { cause: signal.reason })), {
      once: true,
    });
  });
}
