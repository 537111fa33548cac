import type { Redis } from '@upstash/redis/cloudflare';
import { MAX_BUCKET_BYTES, MAX_POINTER_LENGTH } from '../../contract/buckets.ts';
import { inboxBlobKey, inboxLatestKey, inboxRevisionKey, redisKey } from '../../contract/storage-keys.ts';
import type { Inbox, InboxBytes, InboxText } from './inbox.ts';

export interface RedisAccess {
  /** Several edges may share a database. */
  readonly edge: string;
  readonly url: string;
  readonly token: string;
}

/** For one call, in milliseconds: the hub does other things meanwhile, and comes back. */
const TIMEOUT_MS = 10_000;

/** Characters of the largest blob. */
const MAX_BASE64_LENGTH = 4 * Math.ceil(MAX_BUCKET_BYTES / 3);

/** An inbox in a database of Upstash, by its REST API. Blobs are base64 there. */
export function redisInbox({ edge, url, token }: RedisAccess): Inbox {
  let made: Redis | undefined;
  /** The client is large: it is loaded when it is first needed. */
  const redis = async (): Promise<Redis> => {
    const sdk = await import('@upstash/redis/cloudflare');
    made ??= new sdk.Redis({
      url,
      token,
      retry: false,
      signal: () => AbortSignal.timeout(TIMEOUT_MS),
      automaticDeserialization: false,
      enableTelemetry: false,
    });
    return made;
  };
  /** A value may have hundreds of megabytes: no more is read than tells that it is longer than `limit`. */
  const read = async (keys: readonly string[], limit: number): Promise<string[]> => {
    const pipeline = (await redis()).pipeline();
    for (const key of keys) pipeline.getrange(redisKey(edge, key), 0, limit);
    return pipeline.exec<string[]>();
  };
  const pointer = async (key: string): Promise<InboxText | null> => {
    const [jws = ''] = await read([key], MAX_POINTER_LENGTH);
    if (jws === '') return null;
    return jws.length > MAX_POINTER_LENGTH ? 'too-long' : { jws };
  };
  return {
    pointer: (cluster, revision) => pointer(inboxRevisionKey(cluster, revision)),
    latest: (cluster) => pointer(inboxLatestKey(cluster)),
    async blobs(cluster, hashes) {
      const found = new Map<string, InboxBytes>();
      if (hashes.length === 0) return found;
      const keys = hashes.map((sha256) => inboxBlobKey(cluster, sha256));
      const values = await read(keys, MAX_BASE64_LENGTH);
      for (const [i, sha256] of hashes.entries()) {
        const value = values[i];
        if (value) found.set(sha256, blobOf(value));
      }
      return found;
    },
    async remove(cluster, revision, hashes) {
      const keys = [...hashes.map((sha256) => inboxBlobKey(cluster, sha256)), inboxRevisionKey(cluster, revision)];
      await (await redis()).del(...keys.map((key) => redisKey(edge, key)));
    },
  };
}

function blobOf(text: string): InboxBytes {
  if (text.length > MAX_BASE64_LENGTH) return 'too-long';
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    return 'not-base64';
  }
}
