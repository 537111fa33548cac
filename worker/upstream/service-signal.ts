import type { Signal } from '../../contract/signals.ts';

/** What a living signal says of the service behind a provider. */
export interface ServiceSignal {
  readonly ready: number;
  readonly desired: number | undefined;
  readonly cold: boolean;
  /** Absent: not known, or not known lately. */
  readonly load: ServiceLoad | undefined;
}

export type ServiceLoad = Pick<Signal, 'waiting' | 'cacheUse'>;

/** How far behind the others of its tier a service goes: those that can answer come first, then those that start. */
export function rankOf(service: ServiceSignal | undefined): 0 | 1 | 2 {
  if (!service || service.ready > 0) return 0;
  return service.cold ? 1 : 2;
}

/** The part of its weight that a service has replicas for: 0 to 1. */
export function presence(service: ServiceSignal | undefined): number {
  if (!service?.desired || service.ready === 0) return 1;
  return Math.min(1, service.ready / service.desired);
}

/** By so much, in requests that wait for each replica, one service must be more loaded than another to lose any to it. */
const LEAST_DIFFERENCE = 4;
/** A full cache counts as so many waiting requests a replica; one that is less full than this share counts nothing. */
const FULL_CACHE = 8;
const AMPLE_CACHE = 0.8;
/** What a service never loses more of: signals are seconds old, and who hears the same must not all do the same. */
const MOST_MOVED = 0.5;

/**
 * The share of its conversations that a service loses to their second choice, because that is less loaded: 0 to ½. It
 * grows with how much more the first has to do, so that all isolates together find a balance and do not swing
 * (docs/adr/0017-least-load.md). Only what both say is compared.
 */
export function relief(first: ServiceSignal, second: ServiceSignal): number {
  const own = loadOf(first, second);
  const excess = own - loadOf(second, first) - LEAST_DIFFERENCE;
  return excess > 0 ? Math.min(MOST_MOVED, excess / (own + LEAST_DIFFERENCE)) : 0;
}

/** In waiting requests a replica, of what the other says too. */
function loadOf({ ready, load }: ServiceSignal, { load: other }: ServiceSignal): number {
  if (!load || !other) return 0;
  const waiting = load.waiting !== undefined && other.waiting !== undefined ? load.waiting / ready : 0;
  const cache = load.cacheUse !== undefined && other.cacheUse !== undefined ? load.cacheUse : 0;
  return waiting + (Math.max(0, cache - AMPLE_CACHE) / (1 - AMPLE_CACHE)) * FULL_CACHE;
}
