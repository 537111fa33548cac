import { blobKey } from '../../contract/storage-keys.ts';
import type { HubStore } from './hub-store.ts';
import { BLOB_GRACE_MS, collect, type Collection } from './retention.ts';

/** Deletions in one turn: a call may make 1,000 requests to KV. */
const COLLECT_AT_ONCE = 500;

/** Deletes blobs that nobody needs, here and in KV. */
export async function collectBlobs(store: HubStore, kv: Pick<KVNamespace, 'delete'>, now: number): Promise<void> {
  for (const sha256 of collection(store, now).expired.slice(0, COLLECT_AT_ONCE)) {
    // A push or a report may ask for the blob while KV forgets it: then it stays here, and is copied once more.
    store.blobs.leavesKv(sha256);
    await kv.delete(blobKey(sha256));
    store.blobs.delete(sha256, now - BLOB_GRACE_MS);
  }
  store.forgetReleased(now);
}

export function collection(store: HubStore, now: number): Collection {
  return collect(store.blobs.kept(), store.namedBlobs(), now);
}
