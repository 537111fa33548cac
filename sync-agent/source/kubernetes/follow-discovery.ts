import type { Clock } from '../../clock.ts';
import type { KubernetesApi } from '../../kubernetes/api.ts';
import type { Wake } from '../../wake.ts';
import { discover, type ServedKind } from './discovery.ts';
import type { WatchedKind } from './watched-kinds.ts';

/** A kind as discovery sees it. */
export interface DiscoveredKind {
  follow(served: ServedKind | undefined): void;
}

export interface DiscoveryOptions {
  readonly api: KubernetesApi;
  readonly kinds: ReadonlyMap<WatchedKind, DiscoveredKind>;
  /** Rung where a kind seems to be gone. */
  readonly wake: Wake;
  /** Whether something is missing that should come. */
  readonly isUneasy: () => boolean;
  /** @param failure undefined: it worked */
  readonly onDiscovered: (failure: Error | undefined) => void;
  readonly clock: Clock;
}

const CALM_MS = 60_000;
const UNEASY_MS = 3_000;
/** Many watches may find at once that their kind is gone. */
const LEAST_MS = 1_000;

/** Tells kinds how the cluster serves them, again and again, until the signal ends it. */
export async function followDiscovery(options: DiscoveryOptions, signal: AbortSignal): Promise<void> {
  const { api, kinds, wake, isUneasy, onDiscovered, clock } = options;
  while (!signal.aborted) {
    try {
      const served = await discover(api, [...kinds.keys()], signal);
      for (const [kind, watch] of kinds) watch.follow(served.get(kind));
      onDiscovered(undefined);
    } catch (error) {
      // What is not known now is as it was.
      if (!signal.aborted) onDiscovered(error instanceof Error ? error : new Error(String(error)));
    }
    try {
      await clock.wait(LEAST_MS, signal);
      await wake.sleep((isUneasy() ? UNEASY_MS : CALM_MS) - LEAST_MS, clock, signal);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }
}
