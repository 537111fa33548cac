import * as z from 'zod';
import { generation, pointer } from './routing-table.ts';

/**
 * The endpoints by which an agent publishes, all signed (publish-request.ts). In order: claim a term once, ask which
 * blobs are missing, put those, put the pointer; then watch the state until every isolate serves the revision. Members
 * that one side does not know are overlooked, so that agent and worker need not be of one release.
 */
export const PUBLISH_PATHS = {
  /** POST TermClaim -> TermGrant; another cluster's UID than the pinned one: 422 and a Refusal */
  term: (cluster: string) => `/fairlead/v1/clusters/${cluster}/term`,
  /** POST BlobList -> BlobList: those that the hub does not have */
  missing: (cluster: string) => `/fairlead/v1/clusters/${cluster}/missing`,
  /** PUT bytes -> 204; GET -> bytes */
  blob: (cluster: string, sha256: string) => `/fairlead/v1/clusters/${cluster}/blobs/${sha256}`,
  /** PUT the signed pointer as text -> Admission; refused: 409 or 422 and a Refusal */
  pointer: (cluster: string) => `/fairlead/v1/clusters/${cluster}/pointer`,
  /** POST InboxNotice -> Admission: the pointer and its blobs were put into an inbox; 503 where they do not show yet */
  inbox: (cluster: string) => `/fairlead/v1/clusters/${cluster}/inbox`,
  /** GET -> HubState */
  state: (cluster: string) => `/fairlead/v1/clusters/${cluster}/state`,
  /** GET -> ClusterHistory */
  revisions: (cluster: string) => `/fairlead/v1/clusters/${cluster}/revisions`,
  /** POST SightingQuestion -> SightingAnswer: the edge itself looks which models answer there */
  sighting: (cluster: string) => `/fairlead/v1/clusters/${cluster}/sighting`,
  /** PUT SignalReport -> 204 */
  signals: (cluster: string) => `/fairlead/v1/clusters/${cluster}/signals`,
  /** DELETE -> 204: the edge stops serving what the cluster published, and forgets its UID */
  cluster: (cluster: string) => `/fairlead/v1/clusters/${cluster}`,
  /** GET, unsigned -> ServedRevisions; signed: the isolate first asks the hub */
  revision: '/fairlead/v1/revision',
} as const;

export const termClaim = z.object({
  clusterUid: z.string(),
  /** The highest generation that the claimant knows of, so that a wiped hub goes on above it. */
  floor: generation.nullable(),
});
export const termGrant = z.object({ term: z.int().positive() });

export const blobList = z.object({ hashes: z.array(z.string().regex(/^[0-9a-f]{64}$/)).max(20_000) });

export const admission = z.object({
  revision: z.string(),
  generation,
  /** False where the hub had admitted exactly this pointer before: publishing is idempotent. */
  changed: z.boolean(),
});

/** The rules by which the hub refuses a push, each named in the refusal. */
export const REFUSAL_RULES = [
  'signature',
  'edge',
  'cluster',
  'cluster-uid',
  'schema-version',
  'generation',
  'replaces',
  'missing-blob',
  'blob-hash',
  'blob-size',
  'blob-schema',
  'authority',
] as const;
export const refusal = z.object({
  rule: z.enum(REFUSAL_RULES),
  /** What is wrong and what to do, for a person. */
  message: z.string(),
  /** What the hub holds now, so that a publisher can go on from there. */
  current: generation.nullable(),
});

/** What every endpoint here answers with where it does not do what it was asked. */
export const publishError = z.object({
  error: z.object({ message: z.string(), type: z.string(), code: z.string() }),
  /** Where the hub refused a pointer or a claim: 409 for `generation`, `replaces` and `missing-blob`, 422 for every other rule. */
  refusal: refusal.optional(),
});

/** Where publishers put tables that the hub is to fetch for itself: see storage-keys.ts for the keys. */
export const INBOXES = ['CloudflareKV', 'UpstashRedis'] as const;
export const inboxNotice = z.object({ inbox: z.enum(INBOXES), revision: z.string().min(1).max(64) });

/** How many isolates serve, or refused, a revision. */
const isolateCount = z.object({
  revision: z.string().nullable(),
  count: z.int().positive(),
  /** Milliseconds since the latest of them was heard of. */
  ageMs: z.int().nonnegative(),
});

const keptRevision = z.object({ revision: z.string(), jws: z.string(), pointer });

export const hubState = z.object({
  current: keptRevision.nullable(),
  /** Highest term ever granted. */
  term: z.int().nonnegative(),
  /**
   * The highest generation that hub, KV or any isolate has known of the cluster: that of `current`, but after a wipe of
   * the hub, or an eviction. A claim must go above it.
   */
  floor: generation.nullable(),
  /** What the hub and every isolate heard of understand: compile to no more than this. */
  reads: z.object({ schemaVersions: z.array(z.int()), features: z.array(z.string()) }),
  serving: z.array(isolateCount),
  refused: z.array(z.object({ revision: z.string(), reason: z.string(), count: z.int().positive() })),
  /** Routes that give way to those of a cluster that FAIRLEAD_CLUSTERS lists earlier. */
  conflicts: z.array(
    z.object({
      /** `namespace/name` of the route that is not served, or not for all that it claims. */
      route: z.string(),
      /** The cluster and its route that are served instead. */
      with: z.object({ cluster: z.string(), route: z.string() }),
    }),
  ),
});

/** The revisions that the hub keeps whole, the newest first. */
export const clusterHistory = z.object({
  revisions: z.array(
    keptRevision.extend({
      /** RFC 3339. */
      admittedAt: z.string(),
    }),
  ),
});

/** What one isolate serves, cluster by cluster. */
export const servedRevisions = z.object({
  clusters: z.array(
    z.object({
      cluster: z.string(),
      revision: z.string().nullable(),
      generation: generation.nullable(),
      /** False while the hub could not be asked: what is served was admitted, but may not be the newest. */
      confirmed: z.boolean(),
    }),
  ),
});

export type TermClaim = z.infer<typeof termClaim>;
export type TermGrant = z.infer<typeof termGrant>;
export type BlobList = z.infer<typeof blobList>;
export type Admission = z.infer<typeof admission>;
export type RefusalRule = (typeof REFUSAL_RULES)[number];
export type Refusal = z.infer<typeof refusal>;
export type PublishError = z.infer<typeof publishError>;
export type HubState = z.infer<typeof hubState>;
export type ClusterHistory = z.infer<typeof clusterHistory>;
export type InboxKind = (typeof INBOXES)[number];
export type InboxNotice = z.infer<typeof inboxNotice>;
export type ServedRevisions = z.infer<typeof servedRevisions>;
export type ServedRevision = ServedRevisions['clusters'][number];
