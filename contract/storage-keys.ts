/** Every key name that Fairlead uses in edge storage. Blobs are immutable: their name is their SHA-256. */

/** KV: one bucket of one section. */
export function blobKey(sha256: string): string {
  return `blob/${sha256}`;
}

/** KV: the signed pointer of a cluster, copied there by the hub for isolates that cannot reach it. */
export function pointerKey(cluster: string): string {
  return `pointer/${cluster}`;
}

/** Durable Object: the name of the one hub. */
export const HUB_NAME = 'hub';

/** Cache API: the last table that an isolate of this location served, as a pseudo URL. */
export function cachedTableUrl(edge: string, cluster: string): string {
  return new URL(`/fairlead/v1/cache/table/${encodeURIComponent(cluster)}`, edge).href;
}
