import type { BackendEntry } from '../../contract/routing-table.ts';
import { presence, rankOf, relief, type ServiceSignal } from '../upstream/service-signal.ts';

/** A backend and the cluster in whose table it stands. */
export interface OrderedBackend {
  readonly backend: BackendEntry;
  readonly home: { readonly cluster: string };
}

/** What is known of backends beyond the table; absent: nothing. */
export interface Standing<B extends OrderedBackend> {
  /** Whether it has failed lately. */
  readonly isDown?: ((backend: B) => boolean) | undefined;
  /** What its cluster says of the service behind it. */
  readonly serviceOf?: ((backend: B) => ServiceSignal | undefined) | undefined;
}

interface Ranked<B> {
  readonly entry: B;
  readonly down: 0 | 1;
  readonly rank: 0 | 1 | 2;
  readonly draw: number;
  readonly service: ServiceSignal | undefined;
}

/**
 * The order in which backends are tried: tiers by priority, and within a tier weighted rendezvous hashing
 * (Schindelhauer and Schomaker 2005): each backend draws from the key, and the highest draw goes first. The same key
 * keeps its backend; if that one goes away only its own keys move. What is not ready goes behind the others of its
 * tier, and before it what starts when it is called; what is down goes last, for want of better. Of a service that lacks
 * replicas the weight shrinks with them, and one that is clearly more loaded than a key's second choice gives way to it,
 * for a part of its keys.
 *
 * @param key what should keep its backend
 */
export function orderBackends<B extends OrderedBackend>(
  backends: readonly B[],
  key: () => string,
  { isDown, serviceOf }: Standing<B>,
): readonly B[] {
  if (backends.length < 2) return backends;
  const seed = hash(key(), 0x811c9dc5);
  const ranked = backends
    .map((entry): Ranked<B> => {
      const service = serviceOf?.(entry);
      return {
        entry,
        down: isDown?.(entry) ? 1 : 0,
        rank: rankOf(service),
        draw: draw(entry, seed) * presence(service),
        service,
      };
    })
    .toSorted(
      (a, b) =>
        a.down - b.down || a.entry.backend.priority - b.entry.backend.priority || a.rank - b.rank || b.draw - a.draw,
    );
  const [first, second] = ranked;
  if (first && second && givesWay(first, second, seed)) ranked.splice(0, 2, second, first);
  return ranked.map(({ entry }) => entry);
}

/** By the key, so that a conversation which moved stays where it went for as long as the loads are what they are. */
function givesWay<B extends OrderedBackend>(first: Ranked<B>, second: Ranked<B>, seed: number): boolean {
  if (!first.service?.load || !second.service?.load) return false;
  const areEqual =
    first.down === second.down &&
    first.rank === 0 &&
    second.rank === 0 &&
    first.entry.backend.priority === second.entry.backend.priority;
  return areEqual && uniform(hash('least load', seed)) < relief(first.service, second.service);
}

/** Distributed so that the chance to be the highest is in proportion to the weight. Names are each cluster's own. */
function draw({ backend, home }: OrderedBackend, seed: number): number {
  return -backend.weight / Math.log(uniform(hash(backend.name, hash('/', hash(home.cluster, seed)))));
}

/** Between 0 and 1, both excluded. */
function uniform(value: number): number {
  return (mix(value) + 0.5) / 0x1_0000_0000;
}

/** How much of a long beginning counts: its first characters, its last ones and its length. */
const HASHED = 2048;

/** FNV-1a over UTF-16 code units. */
function hash(text: string, seed: number): number {
  const sample = text.length <= 2 * HASHED ? text : `${text.slice(0, HASHED)}${text.slice(-HASHED)}${text.length}`;
  let value = seed;
  for (let i = 0; i < sample.length; i++) value = Math.imul(value ^ sample.charCodeAt(i), 0x01000193);
  return value >>> 0;
}

/** MurmurHash3's finalizer: FNV alone leaves the top bits of short texts alike. */
function mix(value: number): number {
  let mixed = value ^ (value >>> 16);
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
