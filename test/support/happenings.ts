/** How many of the happenings an error shows. */
const SHOWN = 5;

/**
 * What has happened and what will: a test awaits the next happening that it names, and cannot miss one by asking late.
 * Each happening is given to one asker only.
 */
export class Happenings<T> {
  /** Everything that ever happened, oldest first. */
  readonly all: T[] = [];
  readonly #unclaimed: T[] = [];
  readonly #waiting = new Set<{ matches: (value: T) => boolean; resolve: (value: T) => void }>();

  readonly #listeners: ((value: T) => void)[] = [];

  /** Tells of everything that has happened and will, whoever asks for it. */
  tell(listener: (value: T) => void): void {
    for (const value of this.all) listener(value);
    this.#listeners.push(listener);
  }

  add(value: T): void {
    this.all.push(value);
    for (const listener of this.#listeners) listener(value);
    for (const waiter of this.#waiting) {
      if (!waiter.matches(value)) continue;
      this.#waiting.delete(waiter);
      waiter.resolve(value);
      return;
    }
    this.#unclaimed.push(value);
  }

  /** @param what for the error that says what was waited for in vain, and what came instead */
  async next(what: string, matches: (value: T) => boolean = () => true, patienceMs = 20_000): Promise<T> {
    const index = this.#unclaimed.findIndex((value) => matches(value));
    const [found] = index < 0 ? [] : this.#unclaimed.splice(index, 1);
    if (found !== undefined) return found;
    return new Promise((resolve, reject) => {
      const patience = setTimeout(() => {
        this.#waiting.delete(waiter);
        const latest = JSON.stringify(this.#unclaimed.slice(-SHOWN), undefined, 1);
        reject(new Error(`waited in vain for ${what}; the latest of ${this.#unclaimed.length} others: ${latest}`));
      }, patienceMs);
      const waiter = {
        matches,
        resolve: (value: T) => {
          clearTimeout(patience);
          resolve(value);
        },
      };
      this.#waiting.add(waiter);
    });
  }
}
