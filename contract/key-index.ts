import { fromHex, toHex } from './encoding.ts';

/**
 * The `keys` section: the digests of all consumers' keys, so that an unknown key is refused without any look-up.
 * A bucket is the magic `FLK1` followed by the digests' first 16 bytes, sorted. 128 bits of a SHA-256 cannot be
 * met by accident, and the consumer's entry is found by the whole digest.
 */
const MAGIC = [0x46, 0x4c, 0x4b, 0x31];
const RECORD = 16;

/** @param digests SHA-256 of keys, 64 hexadecimal digits each, in any order; one that comes twice is kept once */
export function encodeKeyIndex(digests: readonly string[]): Uint8Array<ArrayBuffer> {
  const sorted = [...new Set(digests.map((digest) => digest.slice(0, 2 * RECORD).toLowerCase()))].toSorted();
  const bytes = new Uint8Array(MAGIC.length + sorted.length * RECORD);
  bytes.set(MAGIC);
  sorted.forEach((prefix, i) => bytes.set(fromHex(prefix), MAGIC.length + i * RECORD));
  return bytes;
}

/** Why the bytes are not a bucket of the key index, or undefined if they are one. */
export function keyIndexFault(bytes: Uint8Array): string | undefined {
  if (MAGIC.some((byte, i) => bytes[i] !== byte)) return 'does not begin with FLK1';
  if ((bytes.length - MAGIC.length) % RECORD !== 0) return 'is cut short';
  for (let at = MAGIC.length + RECORD; at < bytes.length; at += RECORD)
    if (compareRecords(bytes, at - RECORD, bytes, at) >= 0) return 'is not sorted';
  return undefined;
}

/** The digests' first 16 bytes, as hexadecimal digits. */
export function decodeKeyIndex(bytes: Uint8Array): string[] {
  const prefixes: string[] = [];
  for (let at = MAGIC.length; at < bytes.length; at += RECORD) prefixes.push(toHex(bytes.subarray(at, at + RECORD)));
  return prefixes;
}

/** Whether a key with this SHA-256 (32 bytes) exists: a binary search, nothing is parsed. */
export function keyIndexHas(bytes: Uint8Array, digest: Uint8Array): boolean {
  let low = 0;
  let high = (bytes.length - MAGIC.length) / RECORD - 1;
  while (low <= high) {
    const middle = (low + high) >>> 1;
    const order = compareRecords(bytes, MAGIC.length + middle * RECORD, digest, 0);
    if (order === 0) return true;
    if (order < 0) low = middle + 1;
    else high = middle - 1;
  }
  return false;
}

function compareRecords(a: Uint8Array, atA: number, b: Uint8Array, atB: number): number {
  for (let i = 0; i < RECORD; i++) {
    const difference = (a[atA + i] ?? 0) - (b[atB + i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
