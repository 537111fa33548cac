/** Versions of the routing table that this build reads, the newest last. */
export const KNOWN_SCHEMA_VERSIONS: readonly number[] = [1];

/** What this build writes. Raised when a worker that knows only the previous version would misread a table. */
export const SCHEMA_VERSION = 1;
