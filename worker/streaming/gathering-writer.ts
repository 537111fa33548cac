import type { Clock } from '../clock.ts';
import { join } from './collect-bytes.ts';

/** In milliseconds: the shortest that gathers anything. */
const WINDOW_MS = 1;

/** What may be gathered before whoever writes has to wait, in bytes. */
const MAX_GATHERED = 64 * 1024;

/**
 * Writes chunks as they come, and puts those together that come within a millisecond of the last write: each write is
 * an entry into JavaScript, the dearest part of passing a stream on. A token that comes alone is never held back.
 */
export class GatheringWriter {
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #clock: Clock;
  readonly #onFailed: () => void;
  #gathered: Uint8Array[] = [];
  #size = 0;
  #wroteAt = Number.NEGATIVE_INFINITY;
  #flushing: Promise<void> | undefined;
  #failure: Error | undefined;
  /** Writes that the reader has not taken yet. */
  #pending = 0;

  /** @param onFailed called when nobody reads any more */
  constructor(writer: WritableStreamDefaultWriter<Uint8Array>, clock: Clock, onFailed: () => void) {
    this.#writer = writer;
    this.#clock = clock;
    this.#onFailed = onFailed;
  }

  /** Await what it returns, so that a slow reader slows the upstream down. @throws where nobody reads any more */
  write(bytes: Uint8Array): Promise<void> | undefined {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#flushing === undefined) {
      const now = this.#clock.now();
      if (now - this.#wroteAt > WINDOW_MS) {
        this.#wroteAt = now;
        return this.#send(bytes);
      }
    }
    this.#gathered.push(bytes);
    this.#size += bytes.byteLength;
    this.#flushing ??= this.#flushSoon();
    return this.#size > MAX_GATHERED ? this.#flushing : undefined;
  }

  /** Gives up on a reader that does not read: what waits for it fails. A reader that keeps up is left alone. */
  abandonIfStuck(): void {
    if (this.#pending > 0) void this.#writer.abort().catch(() => undefined);
  }

  /** Everything that was written is on its way. @throws where nobody reads any more */
  async flush(): Promise<void> {
    await this.#flushing;
    if (this.#failure !== undefined) throw this.#failure;
  }

  async close(): Promise<void> {
    await this.flush();
    await this.#writer.close();
  }

  async #send(bytes: Uint8Array): Promise<void> {
    this.#pending++;
    await this.#writer.write(bytes);
    this.#pending--;
  }

  async #flushSoon(): Promise<void> {
    try {
      await new Promise<void>((resolve) => void this.#clock.after(WINDOW_MS, resolve));
      const bytes = join(this.#gathered, this.#size);
      this.#gathered = [];
      this.#size = 0;
      this.#flushing = undefined;
      this.#wroteAt = this.#clock.now();
      await this.#send(bytes);
    } catch (error) {
      this.#failure = error instanceof Error ? error : new Error('nobody reads any more', { cause: error });
      this.#onFailed();
    }
  }
}
