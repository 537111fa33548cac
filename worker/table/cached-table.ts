import * as z from 'zod';
import { cachedTableUrl } from '../../contract/storage-keys.ts';
import { SECTION_KINDS } from '../../contract/routing-table.ts';
import { sha256Hex } from '../../contract/encoding.ts';
import { revisionOf } from '../../contract/revision.ts';
import type { Blobs } from './fetch-blobs.ts';
import type { LoadedRevision, Offer } from './load-revision.ts';

/** How long a location remembers a table, in seconds. The cache may forget it at any time. */
const REMEMBER_SECONDS = 30 * 24 * 3_600;

/** The first line of what is cached; the blobs' bytes follow, one after the other. */
const header = z.object({
  jws: z.string(),
  blobs: z.array(z.object({ sha256: z.string(), length: z.int().nonnegative() })),
});

export interface CachedTable {
  readonly offer: Offer;
  readonly blobs: Blobs;
}

export type TableCache = Pick<Cache, 'put' | 'match' | 'delete'>;

/** Leaves the table of this isolate to those that are born here while neither hub nor KV can be asked. */
export async function cacheTable(cache: TableCache, edge: string, { jws, pointer, buckets }: LoadedRevision) {
  const held = new Map<string, Uint8Array>();
  for (const kind of SECTION_KINDS)
    for (const sha256 of pointer.sections[kind]) {
      const bytes = buckets.bytes(kind, sha256);
      if (bytes) held.set(sha256, bytes);
    }
  const blobs = [...held].map(([sha256, { byteLength }]) => ({ sha256, length: byteLength }));
  const body = new Blob([`${JSON.stringify({ jws, blobs })}\n`, ...held.values()]);
  const headers = { 'cache-control': `max-age=${REMEMBER_SECONDS}` };
  await cache.put(cachedTableUrl(edge, pointer.cluster), new Response(body, { headers }));
}

/** What was left here, unverified but for the blobs' hashes; undefined where nothing was, or it cannot be read. */
export async function readCachedTable(
  cache: TableCache,
  edge: string,
  cluster: string,
): Promise<CachedTable | undefined> {
  const response = await cache.match(cachedTableUrl(edge, cluster));
  if (!response) return undefined;
  const bytes = new Uint8Array(await response.arrayBuffer());
  const end = bytes.indexOf(0x0a);
  const { jws, blobs } = header.parse(JSON.parse(new TextDecoder().decode(bytes.subarray(0, end))));
  const found = new Map<string, Uint8Array<ArrayBuffer>>();
  let at = end + 1;
  for (const { sha256, length } of blobs) {
    const blob = bytes.slice(at, at + length);
    if ((await sha256Hex(blob)) === sha256) found.set(sha256, blob);
    at += length;
  }
  return { offer: { revision: await revisionOf(jws), jws }, blobs: found };
}

/** What was left here of a cluster must not come back. */
export async function forgetCachedTable(cache: TableCache, edge: string, cluster: string): Promise<void> {
  await cache.delete(cachedTableUrl(edge, cluster));
}
