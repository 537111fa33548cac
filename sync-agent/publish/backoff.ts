import type { Clock } from '../clock.ts';
import { isTransient, PublishFailure } from './publish-failure.ts';

export interface Backoff {
  /** Upper bound of the first pause, in milliseconds; it doubles with every further attempt. */
  readonly firstMs: number;
  readonly longestMs: number;
}

/**
 * The pause after failed attempt number `attempt` (from 0), in milliseconds: at least half of the bound, the rest by
 * chance, so that agents that lost the same edge do not come back in the same instant.
 *
 * @param random as Math.random
 */
export function backoffMs({ firstMs, longestMs }: Backoff, attempt: number, random: () => number): number {
  const bound = Math.min(longestMs, firstMs * 2 ** Math.min(attempt, 30));
  return Math.round(bound / 2 + (random() * bound) / 2);
}

export interface Attempts extends Backoff {
  readonly attempts: number;
}

/** One call within a pass; what takes longer to pass is the next pass's. */
export const CALL_ATTEMPTS: Attempts = { attempts: 3, firstMs: 200, longestMs: 2000 };

/** The longest that a pass stands still because the other side asks for it (`Retry-After`). */
export const LONGEST_STANDSTILL_MS = 10_000;

/** Runs an idempotent operation again while it fails for reasons that pass. @throws its last error, or the abort's */
export type Retrying = <T>(operation: () => Promise<T>, signal: AbortSignal, how?: Attempts) => Promise<T>;

export function createRetrying({ clock, random }: { clock: Clock; random: () => number }): Retrying {
  return async (operation, signal, how = CALL_ATTEMPTS) => {
    for (let attempt = 0; ; attempt++) {
      signal.throwIfAborted();
      try {
        return await operation();
      } catch (error) {
        signal.throwIfAborted();
        if (attempt + 1 >= how.attempts || !isTransient(error)) throw error;
        const asked = error instanceof PublishFailure ? (error.retryAfterMs ?? 0) : 0;
        if (asked > LONGEST_STANDSTILL_MS) throw error;
        await clock.wait(Math.max(asked, backoffMs(how, attempt, random)), signal);
      }
    }
  };
}
