import * as z from 'zod';
import { generation, pointer } from './routing-table.ts';

/**
 * The endpoints by which an agent publishes, all signed (publish-request.ts). In order: claim a term once, ask which
 * blobs are missing, put those, put the pointer; then watch the state until every isolate serves the revision.
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
  /** GET -> HubState */
  state: (cluster: string) => `/fairlead/v1/clusters/${cluster}/state`,
  /** GET, unsigned -> ServedRevision; signed: the isolate first asks the hub */
  revision: '/fairlead/v1/revision',
} as const;

export const termClaim = z.strictObject({
  clusterUid: z.string(),
  /** The highest generation that the claimant knows of, so that a wiped hub goes on above it. */
  floor: generation.nullable(),
});
export const termGrant = z.strictObject({ term: z.int().positive() });

export const blobList = z.strictObject({ hashes: z.array(z.string().regex(/^[0-9a-f]{64}$/)).max(20_000) });

export const admission = z.strictObject({
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
export const refusal = z.strictObject({
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

/** How many isolates serve, or refused, a revision. */
const isolateCount = z.strictObject({
  revision: z.string().nullable(),
  count: z.int().positive(),
  /** Milliseconds since the latest of them was heard of. */
  ageMs: z.int().nonnegative(),
});

export const hubState = z.strictObject({
  current: z.strictObject({ revision: z.string(), jws: z.string(), pointer }).nullable(),
  /** Highest term ever granted. */
  term: z.int().nonnegative(),
  serving: z.array(isolateCount),
  refused: z.array(z.strictObject({ revision: z.string(), reason: z.string(), count: z.int().positive() })),
});

export const servedRevision = z.strictObject({
  revision: z.string().nullable(),
  generation: generation.nullable(),
  /** False while the hub could not be asked: what is served was admitted, but may not be the newest. */
  confirmed: z.boolean(),
});

export type TermClaim = z.infer<typeof termClaim>;
export type TermGrant = z.infer<typeof termGrant>;
export type BlobList = z.infer<typeof blobList>;
export type Admission = z.infer<typeof admission>;
export type RefusalRule = (typeof REFUSAL_RULES)[number];
export type Refusal = z.infer<typeof refusal>;
export type PublishError = z.infer<typeof publishError>;
export type HubState = z.infer<typeof hubState>;
export type ServedRevision = z.infer<typeof servedRevision>;
