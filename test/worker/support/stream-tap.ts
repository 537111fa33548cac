/** Reads a stream as it comes, as a caller does, and keeps what came. */
export class StreamTap {
  text = '';
  hasEnded = false;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  /** Resolves at the end; a stream that breaks counts as one that ends. */
  readonly ended: Promise<void>;

  constructor({ body }: Response) {
    if (!body) throw new Error('the response has no body');
    this.#reader = body.getReader();
    this.ended = this.#read();
  }

  /** The caller hangs up. */
  async leave(): Promise<void> {
    await this.#reader.cancel();
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder();
    try {
      for (;;) {
        const { done, value } = await this.#reader.read();
        if (done) break;
        this.text += decoder.decode(value, { stream: true });
      }
    } catch {
      // What counts is how far it came.
    }
    this.hasEnded = true;
  }
}
