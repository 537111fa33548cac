/** What the hub keeps: of each cluster the current revision and the ten before it, and what they need. */
export const KEPT_REVISIONS = 11;

/**
 * How long a blob outlives its need, in milliseconds. It covers a push whose pointer is still to come, an isolate
 * that has not heard of the newer revision, and KV, which shows a deletion late.
 */
export const BLOB_GRACE_MS = 24 * 3_600_000;

export interface KeptBlob {
  readonly sha256: string;
  /** When it was last put, asked for, or let go of by a revision; milliseconds since the epoch. */
  readonly neededAt: number;
}

export interface Collection {
  /** Blobs to delete now. */
  readonly expired: readonly string[];
  /** When the next one expires; null: never. */
  readonly next: number | null;
}

/** @param named hashes that the kept pointers name */
export function collect(blobs: readonly KeptBlob[], named: ReadonlySet<string>, now: number): Collection {
  const unnamed = blobs.filter(({ sha256 }) => !named.has(sha256));
  const expired = unnamed.filter(({ neededAt }) => neededAt + BLOB_GRACE_MS <= now).map(({ sha256 }) => sha256);
  const waiting = unnamed.map(({ neededAt }) => neededAt + BLOB_GRACE_MS).filter((expiry) => expiry > now);
  return { expired, next: waiting.length === 0 ? null : Math.min(...waiting) };
}
