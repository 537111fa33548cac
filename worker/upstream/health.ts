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

/** A backend and the cluster in whose table its provider stands. */
interface PlacedBackend {
  readonly backend: BackendEntry;
  readonly home: { readonly cluster: string };
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

  isDown(placed: PlacedBackend): boolean {
    if (this.#states.size === 0) return false;
    const state = this.#states.get(keyOf(placed));
    return state !== undefined && state.downUntil > this.#now();
  }

  succeeded(placed: PlacedBackend): void {
    if (this.#states.size > 0) this.#states.delete(keyOf(placed));
  }

  /** A provider that says when to come back is believed at once. */
  failed(placed: PlacedBackend, { retryAfter }: Failure): void {
    const key = keyOf(placed);
    const state = this.#states.get(key) ?? { failures: 0, downUntil: 0 };
    state.failures++;
    if (retryAfter !== undefined) state.downUntil = this.#now() + Math.min(retryAfter * 1000, MAX_COOLDOWN_MS);
    else if (state.failures >= FAILURES) state.downUntil = this.#now() + COOLDOWN_MS;
    this.#states.set(key, state);
  }
}

function keyOf({ backend, home }: PlacedBackend): string {
  return `${home.cluster} ${backend.provider} ${backend.model}`;
}
