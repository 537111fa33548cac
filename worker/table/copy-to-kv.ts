import { blobKey, pointerKey } from '../../contract/storage-keys.ts';
import { hashesOf, type HubStore } from './hub-store.ts';

/**
 * How long KV may go on saying that a key does not exist after it was written, in milliseconds: it shows writes
 * elsewhere after a minute or more, and remembers misses. Until then isolates ask the hub for the blob.
 */
export const KV_LAG_MS = 120_000;

/** Writes under way at a time: a worker may have six connections that wait for headers. */
const PARALLEL = 4;

/**
 * Brings KV up to what the hub holds: the blobs first, the pointer last, so that whoever finds the pointer there
 * finds what it names. What was copied is remembered blob by blob: interrupted, it goes on where it was.
 */
export async function copyToKv(store: HubStore, kv: Pick<KVNamespace, 'put'>, now: () => number): Promise<void> {
  for (const cluster of store.uncopiedClusters()) {
    const current = store.current(cluster);
    if (!current) continue;
    const waiting = store.copiedLaterThan(Number.MAX_SAFE_INTEGER, hashesOf(current.jws));
    const copyNext = async (): Promise<void> => {
      for (let sha256 = waiting.pop(); sha256 !== undefined; sha256 = waiting.pop()) {
        const bytes = store.blob(sha256);
        if (!bytes) continue;
        await kv.put(blobKey(sha256), bytes);
        store.blobCopied(sha256, now());
      }
    };
    await Promise.all(Array.from({ length: PARALLEL }, copyNext));
    await kv.put(pointerKey(cluster), current.jws);
    store.pointerCopied(cluster, current.revision);
  }
}
