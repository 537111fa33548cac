import type { BackendEntry } from '../../contract/routing-table.ts';
import type { Failure } from '../errors.ts';

/** How many failures in a row put a backend last, and for how long, in milliseconds. */
const FAILURES = 2;
const COOLDOWN_MS = 10_000;
const MAX_COOLDOWN_MS = 60_000;

interface State {
  failures: number;
  /** Milliseconds since the epoch. */
  downUntil: number;
}

/**
 * What this isolate has seen of each model at each provider. It only orders: a backend that is down is still tried when
 * nothing else is left. Circuit breakers, when they come, stand here.
 */
export class Health {
  readonly #now: () => number;
  readonly #states = new Map<string, State>();

  /** @param now milliseconds since the epoch */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Bound, so that it can be handed to planRequest. */
  readonly isDown = (backend: BackendEntry): boolean => {
    if (this.#states.size === 0) return false;
    const state = this.#states.get(keyOf(backend));
    return state !== undefined && state.downUntil > this.#now();
  };

  succeeded(backend: BackendEntry): void {
    if (this.#states.size > 0) this.#states.delete(keyOf(backend));
  }

  /** A provider that says when to come back is believed at once. */
  failed(backend: BackendEntry, { retryAfter }: Failure): void {
    const key = keyOf(backend);
    const state = this.#states.get(key) ?? { failures: 0, downUntil: 0 };
    state.failures++;
    if (retryAfter !== undefined) state.downUntil = this.#now() + Math.min(retryAfter * 1000, MAX_COOLDOWN_MS);
    else if (state.failures >= FAILURES) state.downUntil = this.#now() + COOLDOWN_MS;
    this.#states.set(key, state);
  }
}

function keyOf({ provider, model }: BackendEntry): string {
  return `${provider} ${model}`;
}
