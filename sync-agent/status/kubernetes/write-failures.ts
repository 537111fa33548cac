import type { Clock } from '../../clock.ts';
import { ApiFailure } from '../../kubernetes/api.ts';
import type { Logger } from '../../log.ts';
import type { ResourceKey } from '../../snapshot.ts';
import type { WorkOutcome } from '../work-queue.ts';

export interface WriteFailuresOptions {
  readonly clock: Pick<Clock, 'now'>;
  readonly logger: Logger;
}

/** What somebody has to mend is tried again after this, in milliseconds. */
const PAUSE_MS = 60_000;

/**
 * Decides what becomes of a write that failed.
 *
 * | answer                | then                                                                                |
 * |-----------------------|-------------------------------------------------------------------------------------|
 * | 409                   | again, with what is stored by then                                                  |
 * | 403                   | said once; the whole kind is left alone for a minute                                |
 * | 400, 422 and the like | said once; the resource is left alone for a minute                                  |
 * | 429, 5xx, none        | again, later with every time                                                        |
 */
export class WriteFailures {
  readonly #options: WriteFailuresOptions;
  readonly #pausedUntil = new Map<string, number>();
  /** What was said last of a kind. */
  readonly #told = new Map<string, string>();

  constructor(options: WriteFailuresOptions) {
    this.#options = options;
  }

  /** How long nothing of the kind should be tried, in milliseconds. */
  pausedMs(kind: string): number {
    return Math.max(0, (this.#pausedUntil.get(kind) ?? 0) - this.#options.clock.now());
  }

  succeeded(kind: string): void {
    this.#pausedUntil.delete(kind);
    this.#told.delete(kind);
  }

  outcomeOf(error: unknown, key: ResourceKey, kind: string): WorkOutcome {
    if (!(error instanceof ApiFailure)) {
      this.#tell('error', kind, key, error instanceof Error ? (error.stack ?? error.message) : String(error));
      return { type: 'Retry', afterMs: PAUSE_MS };
    }
    const { status, message, retryAfterMs } = error;
    if (status === 409) return { type: 'Retry' };
    if (status === 403) this.#pausedUntil.set(kind, this.#options.clock.now() + PAUSE_MS);
    this.#tell('warn', kind, key, message);
    const isOurs = status >= 400 && status < 500 && status !== 429;
    return { type: 'Retry', afterMs: isOurs ? PAUSE_MS : retryAfterMs };
  }

  #tell(level: 'warn' | 'error', kind: string, resource: ResourceKey, reason: string): void {
    const { logger } = this.#options;
    // The name of the one that it happened to first differs from that of the next.
    const told = reason.replaceAll(resource.slice(resource.lastIndexOf('/') + 1), '');
    if (this.#told.get(kind) === told) return;
    this.#told.set(kind, told);
    logger[level]('status cannot be written', { resource, reason });
  }
}
