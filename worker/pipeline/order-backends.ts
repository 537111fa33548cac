import type { BackendEntry } from '../../contract/routing-table.ts';

/**
 * The order in which backends are tried: tiers by priority, and within a tier weighted rendezvous hashing
 * (Schindelhauer and Schomaker 2005): each backend draws from the key, and the highest draw goes first. The same key
 * keeps its backend; if that one goes away only its own keys move. What is down goes last, for want of better.
 *
 * @param key what should keep its backend
 */
export function orderBackends(
  backends: readonly BackendEntry[],
  key: () => string,
  isDown: (backend: BackendEntry) => boolean,
): readonly BackendEntry[] {
  if (backends.length < 2) return backends;
  const seed = hash(key(), 0x811c9dc5);
  return backends
    .map((backend) => ({ backend, down: isDown(backend) ? 1 : 0, draw: draw(backend, seed) }))
    .toSorted((a, b) => a.down - b.down || a.backend.priority - b.backend.priority || b.draw - a.draw)
    .map(({ backend }) => backend);
}

/** Distributed so that the chance to be the highest is in proportion to the weight. */
function draw({ name, weight }: BackendEntry, seed: number): number {
  const uniform = (mix(hash(name, seed)) + 0.5) / 0x1_0000_0000;
  return -weight / Math.log(uniform);
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
