import type { Clock } from '../clock.ts';

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

export interface RetryOptions extends Backoff {
  readonly attempts: number;
  readonly isTransient: (error: unknown) => boolean;
  readonly clock: Clock;
  readonly random: () => number;
  readonly signal: AbortSignal;
}

/** Runs an idempotent operation again while it fails for reasons that pass. @throws its last error, or the abort's */
export async function withRetries<T>(operation: () => Promise<T>, options: RetryOptions): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    options.signal.throwIfAborted();
    try {
      return await operation();
    } catch (error) {
      options.signal.throwIfAborted();
      if (attempt + 1 >= options.attempts || !options.isTransient(error)) throw error;
      await options.clock.wait(backoffMs(options, attempt, options.random), options.signal);
    }
  }
}
