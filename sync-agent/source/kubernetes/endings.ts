/** What is on its way to its end beside everything else, so that who ends last can wait for it. */
export class Endings {
  readonly #pending = new Set<Promise<void>>();

  add(ended: Promise<void>): void {
    const pending = ended.finally(() => this.#pending.delete(pending));
    this.#pending.add(pending);
  }

  /** Resolves once all that was added has ended. */
  async settled(): Promise<void> {
    await Promise.all(this.#pending);
  }
}
