/** Every key name that Fairlead uses in edge storage. Blobs are immutable: their name is their SHA-256. */

/** KV: one bucket of one section. */
export function blobKey(sha256: string): string {
  return `blob/${sha256}`;
}

/** KV: the signed pointer of a cluster, copied there by the hub for isolates that cannot reach it. */
export function pointerKey(cluster: string): string {
  return `pointer/${cluster}`;
}

/** An inbox: a blob that a publisher put there for the hub. */
export function inboxBlobKey(cluster: string, sha256: string): string {
  return `inbox/${cluster}/blob/${sha256}`;
}

/** An inbox: a signed pointer, under a name of its own because KV remembers what it once showed. */
export function inboxRevisionKey(cluster: string, revision: string): string {
  return `inbox/${cluster}/revision/${revision}`;
}

/** An inbox: the latest signed pointer, for a hub that got no notice of it. */
export function inboxLatestKey(cluster: string): string {
  return `inbox/${cluster}/latest`;
}

/** Redis: several edges may share one database. */
export function redisKey(edge: string, key: string): string {
  return `fairlead:${edge}:${key}`;
}

/** How long what lies in an inbox waits for the hub, in seconds. */
export const INBOX_TTL_SECONDS = 7 * 86_400;

/** Durable Object: the name of the one hub. */
export const HUB_NAME = 'hub';

/** Cache API: the last table that an isolate of this location served, as a pseudo URL. */
export function cachedTableUrl(edge: string, cluster: string): string {
  return new URL(`/fairlead/v1/cache/table/${encodeURIComponent(cluster)}`, edge).href;
}
