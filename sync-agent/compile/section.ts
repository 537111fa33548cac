import { createHash } from 'node:crypto';
import { MAX_BUCKET_BITS, MAX_BUCKET_BYTES, TARGET_BUCKET_BYTES, entryAddress } from '../../contract/buckets.ts';
import { encodeKeyIndex } from '../../contract/key-index.ts';
import type { BucketedKind } from '../../contract/routing-table.ts';
import type { Blob } from './compilation.ts';

/** The finest division of a section; a bucket is a run of leaves. */
const LEAVES = 2 ** MAX_BUCKET_BITS;

/** A key's record in the index, whose header is 4 bytes. */
const KEY_RECORD_BYTES = 16;

const NO_ENTRIES: readonly RenderedEntry[] = [];

/** An entry as it stands in a bucket: canonical JSON, or nothing in the section `keys`. */
export interface RenderedEntry {
  readonly id: string;
  readonly json: string;
}

/**
 * The entries of one section and their buckets, kept from one compilation to the next: only the buckets that a change
 * touched are rendered and hashed again.
 */
export class Section {
  readonly #kind: BucketedKind;
  readonly #leaves: (readonly RenderedEntry[])[] = Array.from({ length: LEAVES }, () => NO_ENTRIES);
  readonly #leafBytes = new Float64Array(LEAVES);
  readonly #touched = new Set<number>();
  #blobs: Blob[] = [];

  constructor(kind: BucketedKind) {
    this.#kind = kind;
  }

  /** Puts the entries of one leaf in place of those that it held. */
  setLeaf(index: number, entries: readonly RenderedEntry[]): void {
    if (sameEntries(entries, this.#leaves[index] ?? NO_ENTRIES)) return;
    this.#leaves[index] = entries;
    this.#leafBytes[index] = this.#bytesOf(entries);
    this.#touched.add(index);
  }

  /** Adds or replaces one entry. */
  put(entry: RenderedEntry): void {
    this.#edit(entry.id, [entry]);
  }

  remove(id: string): void {
    this.#edit(id, []);
  }

  /** The buckets, in order; a bucket that did not change is the same object as before. */
  blobs(): readonly Blob[] {
    if (this.#touched.size === 0) return this.#blobs;
    const count = bucketCount(this.#leafBytes);
    const width = LEAVES / count;
    const stale = new Set([...this.#touched].map((leaf) => Math.floor(leaf / width)));
    const before = this.#blobs.length === count ? this.#blobs : [];
    this.#blobs = Array.from({ length: count }, (_, index) => {
      const known = stale.has(index) ? undefined : before[index];
      return known ?? this.#render(this.#leaves.slice(index * width, (index + 1) * width));
    });
    this.#touched.clear();
    return this.#blobs;
  }

  #edit(id: string, replacement: readonly RenderedEntry[]): void {
    const index = leafOf(this.#kind, id);
    const others = (this.#leaves[index] ?? NO_ENTRIES).filter((entry) => entry.id !== id);
    this.setLeaf(index, [...others, ...replacement]);
  }

  #bytesOf(entries: readonly RenderedEntry[]): number {
    if (this.#kind === 'keys') return entries.length * KEY_RECORD_BYTES;
    return entries.reduce((sum, entry) => sum + entryBytes(entry), 0);
  }

  #render(leaves: readonly (readonly RenderedEntry[])[]): Blob {
    const entries = leaves.flat().sort((a, b) => (a.id < b.id ? -1 : 1));
    const bytes =
      this.#kind === 'keys'
        ? encodeKeyIndex(entries.map(({ id }) => id))
        : new TextEncoder().encode(`{${entries.map(({ id, json }) => `${JSON.stringify(id)}:${json}`).join(',')}}`);
    return { sha256: createHash('sha256').update(bytes).digest('hex'), bytes };
  }
}

/** Which leaf an entry belongs to. */
export function leafOf(kind: BucketedKind, id: string): number {
  return entryAddress(kind, id) >>> (32 - MAX_BUCKET_BITS);
}

/** Bytes that an entry takes in its bucket, the comma included. */
export function entryBytes({ id, json }: RenderedEntry): number {
  return Buffer.byteLength(id) + Buffer.byteLength(json) + 4;
}

/**
 * The smallest power of two at which no bucket exceeds the target. Where eight times what an even spread would need
 * is not enough, one huge entry or names that were made to collide are to blame: then a bucket may be as large as the
 * hub takes, because more buckets would only make the pointer longer.
 */
export function bucketCount(leafBytes: Float64Array): number {
  const levels = [leafBytes];
  for (let sums = leafBytes; sums.length > 1; levels.push(sums)) sums = sumPairs(sums);
  const total = levels.at(-1)?.[0] ?? 0;
  if (total === 0) return 0;
  const fitting = levels.findLast((sizes) => {
    const limit = sizes.length * TARGET_BUCKET_BYTES > 8 * total ? MAX_BUCKET_BYTES : TARGET_BUCKET_BYTES;
    return sizes.every((size) => size <= limit);
  });
  return fitting?.length ?? leafBytes.length;
}

function sumPairs(sums: Float64Array): Float64Array {
  const halved = new Float64Array(sums.length / 2);
  for (let i = 0; i < halved.length; i++) halved[i] = (sums[2 * i] ?? 0) + (sums[2 * i + 1] ?? 0);
  return halved;
}

function sameEntries(a: readonly RenderedEntry[], b: readonly RenderedEntry[]): boolean {
  return a.length === b.length && a.every(({ id, json }, i) => id === b[i]?.id && json === b[i].json);
}
