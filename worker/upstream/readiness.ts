import type { LivingSignal } from '../table/hub-protocol.ts';

interface Remembered {
  readonly ready: number;
  /** Milliseconds since the epoch. */
  readonly until: number;
}

/**
 * What the hub last said of inference services, for as long as it holds. What has expired, or was never said, is not
 * known: nothing follows from it.
 */
export class Readiness {
  readonly #now: () => number;
  readonly #byCluster = new Map<string, ReadonlyMap<string, Remembered>>();

  /** @param now milliseconds since the epoch */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Replaces what is known of a cluster. @param saidAt when the hub said it, in milliseconds since the epoch */
  take(cluster: string, signals: readonly LivingSignal[], saidAt: number): void {
    if (signals.length === 0) this.#byCluster.delete(cluster);
    else
      this.#byCluster.set(
        cluster,
        new Map(signals.map(({ provider, ready, forMs }) => [provider, { ready, until: saidAt + forMs }])),
      );
  }

  /** Whether a living signal says that nothing behind this provider can answer. */
  isUnready(cluster: string, provider: string): boolean {
    if (this.#byCluster.size === 0) return false;
    const signal = this.#byCluster.get(cluster)?.get(provider);
    return signal !== undefined && signal.ready === 0 && this.#now() < signal.until;
  }
}
