// As a namespace: the object `z` keeps all of zod, its locales too, in the worker's bundle.
import * as z from 'zod';
import { MAX_BUCKET_BITS } from './buckets.ts';
import { requires } from './features.ts';

/**
 * The routing table: what the agent compiles and the worker serves. A table is a set of sections, a section a list
 * of buckets, a bucket a blob named by its SHA-256; a signed pointer names all of them. Every type is inferred from
 * the schemas of this file, which agent, hub and tests check; an isolate checks hash and schemaVersion only.
 *
 * Members that a build does not know pass: what an older worker may overlook needs no more than that, and what it must
 * not overlook is named in `requires` (features.ts).
 */

/** `namespace/name` of the resource that an entry was compiled from. */
const resourceId = z.string().regex(/^[a-z0-9-]{1,63}\/[a-z0-9.-]{1,253}$/);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

/** Milliseconds; what is absent falls back to the provider's, then to the worker's default. */
const timeouts = z.object({
  /** From the start of an attempt to the response's headers. */
  firstByte: z.int().positive().optional(),
  /** From the response's headers to the first event that carries an answer. */
  firstEvent: z.int().positive().optional(),
  /** Between two chunks of the response. */
  idle: z.int().positive().optional(),
  /** The whole request, all attempts. */
  total: z.int().positive().optional(),
});

const cors = z.object({
  /** Exact origins, `https://*.suffix`, or `*`. */
  allowOrigins: z.array(z.string()),
  allowHeaders: z.array(z.string()),
  exposeHeaders: z.array(z.string()),
  allowCredentials: z.boolean(),
  /** Seconds. */
  maxAge: z.int().nonnegative(),
});

export const routeEntry = z.object({
  requires,
  /** Lower-case host names, exact or `*.suffix`; none: every host. */
  hostnames: z.array(z.string()),
  /** `/` or `/a/b`, matched by whole path elements. */
  pathPrefix: z.string().startsWith('/'),
  /** Lower-case names, exact values, all of which must be there. */
  headers: z.array(z.object({ name: z.string(), value: z.string() })),
  /** Model names and aliases that the route claims, each with the id of the model that answers to it. */
  models: z.record(z.string(), resourceId),
  authentication: z.enum(['Key', 'Anonymous']),
  /** Namespaces whose consumers may use the route; `*`: all. */
  consumers: z.union([z.literal('*'), z.array(z.string())]),
  onClientAbort: z.enum(['Abort', 'Drain']),
  timeouts,
  cors: cors.optional(),
  /** RFC 3339, for precedence among routes that are equally specific. */
  created: z.string(),
});

export const OPERATIONS = ['chat', 'completions', 'embeddings'] as const;
/** What a caller asks of a model; the wire form is the dialect's. */
export const operation = z.enum(OPERATIONS);

export const backendEntry = z.object({
  name: z.string(),
  provider: resourceId,
  /** The model's name at the provider. */
  model: z.string(),
  /** Share of the traffic within the tier; 0: none. */
  weight: z.int().nonnegative(),
  /** Lower tiers are tried first. */
  priority: z.int().nonnegative(),
});

/** Decimal US dollars per million tokens. */
const price = z.string().regex(/^\d{1,9}(\.\d{1,9})?$/);

export const modelEntry = z.object({
  requires,
  modelName: z.string(),
  aliases: z.array(z.string()),
  backends: z.array(backendEntry),
  /** Absent: whatever the provider does. */
  operations: z.array(operation).optional(),
  /** Tokens. */
  contextWindow: z.int().positive().optional(),
  /** Tokens. */
  maxOutputTokens: z.int().positive().optional(),
  pricing: z
    .object({
      inputPerMillionTokens: price,
      outputPerMillionTokens: price,
      cachedInputPerMillionTokens: price.optional(),
    })
    .optional(),
  /** RFC 3339. */
  created: z.string(),
});

export const DIALECTS = ['OpenAI'] as const;

/** Where the value of a secret comes from: an entry of `secrets`, or a secret of the worker itself. */
const credential = z.discriminatedUnion('type', [
  z.object({ type: z.literal('Sealed'), id: sha256 }),
  z.object({ type: z.literal('WorkerSecret'), name: z.string() }),
]);

export const providerEntry = z.object({
  requires,
  dialect: z.enum(DIALECTS),
  /** Without a slash at the end; an operation's path is appended. */
  baseURL: z.url(),
  auth: z
    .object({
      credential,
      /** Absent: the dialect's own way. */
      header: z.string().optional(),
    })
    .optional(),
  headers: z.array(
    z.discriminatedUnion('type', [
      z.object({ name: z.string(), type: z.literal('Value'), value: z.string() }),
      z.object({ name: z.string(), type: z.literal('Sealed'), id: sha256 }),
    ]),
  ),
  hostHeader: z.string().optional(),
  /** Name of the worker's binding whose own `fetch` is called; absent: the Internet. */
  binding: z.string().optional(),
  timeouts,
  /** What the EdgeGateway allows beyond https to public addresses. */
  allow: z.object({ privateAddresses: z.boolean(), plainText: z.boolean() }),
});

/** Addressed by the SHA-256 of a key: a consumer with two keys has two entries. */
export const consumerEntry = z.object({
  requires,
  id: resourceId,
  /** The key's name within the consumer. */
  key: z.string(),
  team: z.string().optional(),
  /** RFC 3339; from then on the key is refused. */
  expiresAt: z.string().optional(),
  /** Model names, exact or `prefix*`; absent: all. */
  allowedModels: z.array(z.string()).optional(),
  metadata: z.record(z.string(), z.string()),
});

/** Addressed by an HMAC of binding and value. */
export const secretEntry = z.object({
  requires,
  /** JWE, compact; see sealed-secret.ts. */
  sealed: z.string(),
});

export const sectionSchemas = {
  routes: z.record(resourceId, routeEntry),
  models: z.record(resourceId, modelEntry),
  providers: z.record(resourceId, providerEntry),
  consumers: z.record(sha256, consumerEntry),
  secrets: z.record(sha256, secretEntry),
};

/** Sections of canonical JSON. */
export type JsonKind = keyof typeof sectionSchemas;
/** All sections; `keys` is binary (key-index.ts). */
export type BucketedKind = JsonKind | 'keys';
export const SECTION_KINDS = [
  'routes',
  'models',
  'providers',
  'consumers',
  'secrets',
  'keys',
] as const satisfies BucketedKind[];

/** Hashes of the buckets, in order; their number is a power of two, or none. */
const buckets = z
  .array(sha256)
  .max(2 ** MAX_BUCKET_BITS)
  .refine((list) => Number.isInteger(Math.log2(list.length)) || list.length === 0, {
    error: 'the number of buckets must be a power of two',
  });
export const sectionHashes = z.object({
  routes: buckets,
  models: buckets,
  providers: buckets,
  consumers: buckets,
  secrets: buckets,
  keys: buckets,
});

export const generation = z.object({
  term: z.int().nonnegative(),
  sequence: z.int().nonnegative(),
});

export const pointer = z.object({
  schemaVersion: z.int().positive(),
  /** Origin of the edge, as in EdgeGateway.spec.endpoint. */
  edge: z.string(),
  cluster: z.string(),
  /** UID of the namespace kube-system. */
  clusterUid: z.string(),
  generation,
  /** The generation that this one replaces; null for the cluster's first. */
  replaces: generation.nullable(),
  /** RFC 3339. */
  issuedAt: z.string(),
  /** The revision that this one goes back to: its sections, but for secrets. */
  rollbackOf: z.string().optional(),
  sections: sectionHashes,
});

export type RouteEntry = z.infer<typeof routeEntry>;
export type Timeouts = z.infer<typeof timeouts>;
export type Cors = z.infer<typeof cors>;
export type ModelEntry = z.infer<typeof modelEntry>;
export type BackendEntry = z.infer<typeof backendEntry>;
export type ProviderEntry = z.infer<typeof providerEntry>;
export type Credential = z.infer<typeof credential>;
export type ConsumerEntry = z.infer<typeof consumerEntry>;
export type SecretEntry = z.infer<typeof secretEntry>;
export type Operation = z.infer<typeof operation>;
export type SectionHashes = z.infer<typeof sectionHashes>;
export type Generation = z.infer<typeof generation>;
export type Pointer = z.infer<typeof pointer>;
/** The parsed form of each JSON section. */
export type SectionEntries = { [K in JsonKind]: z.infer<(typeof sectionSchemas)[K]> };
