import type { BucketedKind } from './routing-table.ts';

/**
 * A section is split into buckets so that one change rewrites, sends and parses little. The number of buckets is a
 * power of two, at most 2^MAX_BUCKET_BITS, and follows from the entries alone: both sides compute the same address.
 */
export const MAX_BUCKET_BITS = 12;

/** What a bucket should not exceed, in bytes: parsing 64 KB takes under a millisecond in an isolate. */
export const TARGET_BUCKET_BYTES = 64 * 1024;

/** What the hub refuses, in bytes. Only one huge entry, or names made to collide, come near it. */
export const MAX_BUCKET_BYTES = 1024 * 1024;

/** What the hub refuses of a signed pointer, in characters: room for 8,000 buckets, where 10,000 resources need 100. */
export const MAX_POINTER_LENGTH = 1024 * 1024;

/**
 * 32-bit address of an entry. Consumers and keys are addressed by the digest of a key, which is uniform already;
 * everything else by FNV-1a over the UTF-16 code units of its id.
 */
export function entryAddress(kind: BucketedKind, id: string): number {
  switch (kind) {
    case 'consumers':
    case 'keys':
      return Number.parseInt(id.slice(0, 8), 16);
    case 'routes':
    case 'models':
    case 'providers':
    case 'secrets':
      return fnv1a(id);
  }
}

/** Index of the bucket that holds an address, among `count` buckets (a power of two). */
export function bucketIndex(address: number, count: number): number {
  const bits = Math.log2(count);
  return bits === 0 ? 0 : address >>> (32 - bits);
}

/** The hash of the bucket of `hashes` that holds the entry, or undefined where the section is empty. */
export function bucketOf(kind: BucketedKind, id: string, hashes: readonly string[]): string | undefined {
  return hashes.length === 0 ? undefined : hashes[bucketIndex(entryAddress(kind, id), hashes.length)];
}

/** FNV-1a, followed by a mixing step because the address is taken from the top bits, which FNV leaves poorly mixed. */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash ^= hash >>> 16;
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  return hash >>> 0;
}
