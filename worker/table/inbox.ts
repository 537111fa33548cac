import type { InboxKind } from '../../contract/publish-api.ts';

/**
 * Where a publisher puts a table that the hub is to fetch for itself (contract/storage-keys.ts has the keys). What lies
 * there is anybody's who can write there: nothing of it is believed before it was checked.
 *
 * Every method may throw where the storage behind it cannot be reached.
 */
export interface Inbox {
  /** The signed pointer of a revision, or `null` where the inbox does not show it. */
  pointer(cluster: string, revision: string): Promise<InboxText | null>;
  /** The latest signed pointer, or `null` where there is none. */
  latest(cluster: string): Promise<InboxText | null>;
  /** Those of `hashes` that the inbox shows; few at a time, because all of them are held at once. */
  blobs(cluster: string, hashes: readonly string[]): Promise<ReadonlyMap<string, InboxBytes>>;
  /**
   * Takes away a revision and blobs that the hub has now. The latest pointer stays until it expires: what lies there may
   * be newer already than storage shows.
   */
  remove(cluster: string, revision: string, hashes: readonly string[]): Promise<void>;
}

/** What was read without reading more than may be there. */
export type InboxText = { readonly jws: string } | 'too-long';
export type InboxBytes = Uint8Array<ArrayBuffer> | 'too-long' | 'not-base64';

export type Inboxes = { readonly [K in InboxKind]?: Inbox };
