import type { BackendEntry } from '../../contract/routing-table.ts';

/** A backend and the cluster in whose table it stands. */
export interface OrderedBackend {
  readonly backend: BackendEntry;
  readonly home: { readonly cluster: string };
}

/** What is known of backends beyond the table; absent: nothing. */
export interface Standing<B extends OrderedBackend> {
  /** Whether it has failed lately. */
  readonly isDown?: ((backend: B) => boolean) | undefined;
  /** Whether nothing behind it can answer, by what its cluster says. */
  readonly isUnready?: ((backend: B) => boolean) | undefined;
}

/**
 * The order in which backends are tried: tiers by priority, and within a tier weighted rendezvous hashing
 * (Schindelhauer and Schomaker 2005): each backend draws from the key, and the highest draw goes first. The same key
 * keeps its backend; if that one goes away only its own keys move. What is not ready goes behind the others of its
 * tier; what is down goes last, for want of better.
 *
 * @param key what should keep its backend
 */
export function orderBackends<B extends OrderedBackend>(
  backends: readonly B[],
  key: () => string,
  { isDown, isUnready }: Standing<B>,
): readonly B[] {
  if (backends.length < 2) return backends;
  const seed = hash(key(), 0x811c9dc5);
  return backends
    .map((entry) => ({
      entry,
      down: isDown?.(entry) ? 1 : 0,
      unready: isUnready?.(entry) ? 1 : 0,
      draw: draw(entry, seed),
    }))
    .toSorted(
      (a, b) =>
        a.down - b.down ||
        a.entry.backend.priority - b.entry.backend.priority ||
        a.unready - b.unready ||
        b.draw - a.draw,
    )
    .map(({ entry }) => entry);
}

/** Distributed so that the chance to be the highest is in proportion to the weight. Names are each cluster's own. */
function draw({ backend, home }: OrderedBackend, seed: number): number {
  const uniform = (mix(hash(backend.name, hash('/', hash(home.cluster, seed)))) + 0.5) / 0x1_0000_0000;
  return -backend.weight / Math.log(uniform);
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
