import type { Clock } from '../../clock.ts';

export interface Allowance {
  readonly burst: number;
  readonly perSecond: number;
}

/** One token bucket a name; of more names than are remembered, the one that was idle for longest is full again. */
export class TokenBuckets {
  readonly #allowance: Allowance;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #remembered: number;
  readonly #buckets = new Map<string, { readonly tokens: number; readonly at: number }>();

  constructor(allowance: Allowance, clock: Pick<Clock, 'now'>, remembered: number) {
    this.#allowance = allowance;
    this.#clock = clock;
    this.#remembered = remembered;
  }

  /** Whether there was a token. */
  take(name: string): boolean {
    const { burst, perSecond } = this.#allowance;
    const now = this.#clock.now();
    const { tokens, at } = this.#buckets.get(name) ?? { tokens: burst, at: now };
    const filled = Math.min(burst, tokens + (Math.max(0, now - at) / 1000) * perSecond);
    const isThere = filled >= 1;
    this.#buckets.delete(name);
    this.#buckets.set(name, { tokens: isThere ? filled - 1 : filled, at: now });
    for (const idle of this.#buckets.keys()) {
      if (this.#buckets.size <= this.#remembered) break;
      this.#buckets.delete(idle);
    }
    return isThere;
  }
}
