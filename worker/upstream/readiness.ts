import type { LivingSignal } from '../table/hub-protocol.ts';
import type { ServiceSignal } from './service-signal.ts';

interface Remembered {
  readonly service: ServiceSignal;
  /** The same, once what it says of load is too old. */
  readonly withoutLoad: ServiceSignal;
  /** Milliseconds since the epoch. */
  readonly until: number;
  readonly loadUntil: number;
}

/** Load changes faster than readiness: what was heard so long ago moves nothing any more. Milliseconds. */
const LOAD_LIVES_MS = 10_000;

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
    else this.#byCluster.set(cluster, new Map(signals.map((signal) => [signal.provider, remembered(signal, saidAt)])));
  }

  /** What a living signal says of the service behind a provider. */
  of(cluster: string, provider: string): ServiceSignal | undefined {
    if (this.#byCluster.size === 0) return undefined;
    const known = this.#byCluster.get(cluster)?.get(provider);
    if (!known) return undefined;
    const now = this.#now();
    if (now >= known.until) return undefined;
    return now < known.loadUntil ? known.service : known.withoutLoad;
  }
}

function remembered(signal: LivingSignal, saidAt: number): Remembered {
  const { ready, desired, cold = false, waiting, cacheUse, forMs } = signal;
  const withoutLoad = { ready, desired, cold, load: undefined };
  const isLoadKnown = waiting !== undefined || cacheUse !== undefined;
  const load = { ...(waiting !== undefined && { waiting }), ...(cacheUse !== undefined && { cacheUse }) };
  return {
    service: isLoadKnown ? { ...withoutLoad, load } : withoutLoad,
    withoutLoad,
    until: saidAt + forMs,
    loadUntil: saidAt + LOAD_LIVES_MS,
  };
}
