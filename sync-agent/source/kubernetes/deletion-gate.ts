import type { Clock } from '../../clock.ts';
import type { ObjectId } from './api-object.ts';

/** How long deletions are gathered before it is asked what they mean, in milliseconds. */
const GATHER_MS = 20;
/** Before it is asked again, where that could not be found out. */
const AGAIN_MS = 500;

export interface GateOptions {
  /** Whether the definition of the whole kind is being deleted, or is gone. @throws where it cannot be told */
  readonly isKindLeaving: (signal: AbortSignal) => Promise<boolean>;
  /** Told once for each time that it is. */
  readonly onLeaving: () => void;
  readonly clock: Clock;
}

interface Held {
  /** It is deleted because somebody deletes it. */
  readonly apply: () => void;
  /** It is deleted because its kind is. */
  readonly keep: () => void;
}

/**
 * When the definition of a kind is deleted, the API server deletes every object of it, and tells so of each just as if
 * somebody had deleted it. So no deletion is believed before it has been asked what becomes of the kind: its definition
 * is marked before the first of its objects goes.
 */
export class DeletionGate {
  readonly #options: GateOptions;
  #held = new Map<ObjectId, Held>();
  #working: Promise<void> | undefined;

  constructor(options: GateOptions) {
    this.#options = options;
  }

  /** @param signal ends what waits, undecided */
  hold(id: ObjectId, held: Held, signal: AbortSignal): void {
    this.#held.set(id, held);
    this.#working ??= this.#work(signal).finally(() => {
      this.#working = undefined;
    });
  }

  /** The object is there again, or it is known otherwise what becomes of it. */
  withdraw(id: ObjectId): void {
    this.#held.delete(id);
  }

  /** Resolves once nothing of it runs. */
  async idle(): Promise<void> {
    await this.#working;
  }

  async #work(signal: AbortSignal): Promise<void> {
    const { clock, isKindLeaving, onLeaving } = this.#options;
    try {
      for (let pauseMs = GATHER_MS; this.#held.size > 0;) {
        await clock.wait(pauseMs, signal);
        // Those that come while it is asked may be from before the answer, or from after it.
        const asked = new Map(this.#held);
        const isLeaving = await isKindLeaving(signal).catch(() => undefined);
        pauseMs = isLeaving === undefined ? AGAIN_MS : GATHER_MS;
        if (isLeaving === undefined) continue;
        for (const [id, held] of asked) {
          // What was withdrawn or replaced meanwhile is decided elsewhere, or in the next round.
          if (this.#held.get(id) !== held) continue;
          this.#held.delete(id);
          if (isLeaving) held.keep();
          else held.apply();
        }
        if (isLeaving) onLeaving();
      }
    } catch (error) {
      if (!signal.aborted) throw error;
      this.#held.clear();
    }
  }
}
