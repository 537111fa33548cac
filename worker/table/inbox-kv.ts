import { MAX_BUCKET_BYTES, MAX_POINTER_LENGTH } from '../../contract/buckets.ts';
import { inboxBlobKey, inboxLatestKey, inboxRevisionKey } from '../../contract/storage-keys.ts';
import { bytesWithin } from './bytes-within.ts';
import type { Inbox, InboxBytes, InboxText } from './inbox.ts';

/** The part of a KV namespace that an inbox needs. */
export interface InboxNamespace {
  get(key: string, type: 'stream'): Promise<ReadableStream<Uint8Array> | null>;
  delete(key: string): Promise<void>;
}

/** An inbox in the namespace that the hub itself copies to: publishers write there through Cloudflare's REST API. */
export function kvInbox(kv: InboxNamespace): Inbox {
  /** A value may have 25 MiB, and this object 128 MB for all that it does. */
  const read = async (key: string, limit: number): Promise<Uint8Array<ArrayBuffer> | 'too-long' | null> => {
    const stream = await kv.get(key, 'stream');
    return stream && ((await bytesWithin(stream, limit)) ?? 'too-long');
  };
  const text = async (key: string): Promise<InboxText | null> => {
    const bytes = await read(key, MAX_POINTER_LENGTH);
    return bytes === null || bytes === 'too-long' ? bytes : { jws: new TextDecoder().decode(bytes) };
  };
  return {
    pointer: (cluster, revision) => text(inboxRevisionKey(cluster, revision)),
    latest: (cluster) => text(inboxLatestKey(cluster)),
    async blobs(cluster, hashes) {
      const found = new Map<string, InboxBytes>();
      const values = await Promise.all(hashes.map((sha256) => read(inboxBlobKey(cluster, sha256), MAX_BUCKET_BYTES)));
      for (const [i, sha256] of hashes.entries()) {
        const bytes = values[i];
        if (bytes) found.set(sha256, bytes);
      }
      return found;
    },
    async remove(cluster, revision, hashes) {
      const keys = hashes.map((sha256) => inboxBlobKey(cluster, sha256));
      for (const key of [...keys, inboxRevisionKey(cluster, revision)]) await kv.delete(key);
    },
  };
}
