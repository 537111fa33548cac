import { AsyncLocalStorage } from 'node:async_hooks';

const lives = new AsyncLocalStorage<Life>();

/**
 * Something that runs and may end at any moment: a request in an isolate, the hub between two restarts, an agent. What
 * is under way then never comes back to it, no timer of it fires, and it does nothing any more: as when a runtime
 * drops a request, or a process is killed.
 */
export class Life {
  #ended = false;
  readonly #mourners = new Set<() => void>();

  get ended(): boolean {
    return this.#ended;
  }

  /** Everything that `work` starts belongs to this life. */
  run<T>(work: () => T): T {
    return lives.run(this, work);
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const tell of this.#mourners) lives.exit(tell);
    this.#mourners.clear();
  }

  /** Calls back when it ends. Returns how to take that back. */
  onEnd(tell: () => void): () => void {
    this.#mourners.add(tell);
    return () => this.#mourners.delete(tell);
  }
}

export function currentLife(): Life | undefined {
  return lives.getStore();
}

/** Does something for the present life in the world outside; what comes of it comes only while the life goes on. */
export function outside<T>(work: () => Promise<T>): Promise<T> {
  const life = currentLife();
  if (!life) return work();
  return new Promise((resolve, reject) => {
    if (life.ended) return;
    const arrive = async (): Promise<void> => {
      try {
        const value = await lives.exit(work);
        if (!life.ended) resolve(value);
      } catch (error) {
        if (!life.ended) reject(error);
      }
    };
    void arrive();
  });
}

/** A promise of the work within a life, for somebody else: rejected where the life ends before. */
export function within<T>(life: Life, work: () => Promise<T>, whatEnded: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const lost = () => reject(new Error(`${whatEnded} is gone`));
    if (life.ended) {
      lost();
      return;
    }
    const forget = life.onEnd(lost);
    life.run(work).then(resolve, reject).finally(forget);
  });
}
