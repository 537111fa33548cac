import { signal as signalSchema, type Signal } from '../../contract/signals.ts';
import type { RoutedService } from '../compile/compilation.ts';
import { areReplicasKnown } from '../inference/are-replicas-known.ts';
import type { ResourceKey } from '../snapshot.ts';
import type { Load } from './load.ts';

/** As many as a report may hold. */
const MOST_SIGNALS = 1_000;

/**
 * What the edge is told of each service, by the id of its provider. What nobody knows is left out: the load of a
 * service whose pods did not answer, and an InferencePool whose picker did not, of which the cluster counts no pods.
 *
 * @param loads by key of the service
 */
export function makeSignals(
  services: readonly RoutedService[],
  loads: ReadonlyMap<ResourceKey, Load>,
): readonly Signal[] {
  const signals = new Map<string, Signal>();
  for (const service of services) {
    if (!canBeRouted(service)) continue;
    const signal =
      sound(signalOf(service, loads.get(service.service))) ??
      sound(signalOf({ ...service, accelerator: undefined }, undefined));
    if (signal) signals.set(signal.provider, signal);
  }
  return [...signals.values()].toSorted((a, b) => (a.provider < b.provider ? -1 : 1)).slice(0, MOST_SIGNALS);
}

/** What has just stopped serving may stand in the table for a moment more: the edge should know. */
function canBeRouted({ state: { phase } }: RoutedService): boolean {
  return phase !== 'Pending' && phase !== 'Failed';
}

function signalOf(service: RoutedService, load: Load | undefined): Signal | undefined {
  const { provider, state, replicas, accelerator } = service;
  const ready = load?.ready ?? (areReplicasKnown(service) ? replicas.ready : undefined);
  if (ready === undefined) return undefined;
  return {
    provider,
    ready,
    ...(replicas.desired !== undefined && { desired: replicas.desired }),
    ...(state.phase === 'ScaledToZero' && { cold: true }),
    ...(accelerator && { accelerator: { kind: accelerator.kind.slice(0, 128), count: accelerator.count } }),
    ...(load?.waiting !== undefined && { waiting: rounded(load.waiting, 10) }),
    ...(load?.cacheUse !== undefined && { cacheUse: rounded(load.cacheUse, 1_000) }),
  };
}

/** What pods and specifications say may be any number, and the hub refuses a whole report for one that it does not take. */
function sound(signal: Signal | undefined): Signal | undefined {
  return signalSchema.safeParse(signal).success ? signal : undefined;
}

function rounded(value: number, parts: number): number {
  return Math.round(value * parts) / parts;
}
