import { z } from 'zod';
import { conditions } from './conditions.ts';
import { age, conditionColumn, objectOf, reasonColumn, type KindDefinition } from './kind-definition.ts';
import { mapOf, setOf } from './lists.ts';
import { secretKeyReference } from './references.ts';
import { rule, transitionRule } from './rule.ts';
import {
  cloudflareId,
  dnsLabel,
  edgeOrigin,
  hostAndPort,
  hostnameClaim,
  keyId,
  modelNamePattern,
  objectName,
  pathPrefix,
  publicKey,
  redisOrigin,
  revisionName,
} from './text.ts';
import { unionOf } from './union.ts';
import { bindingName, workerSecretName } from './worker-names.ts';

const sealingKey = z.strictObject({
  kid: keyId.describe('Name of the key pair. The worker holds the private key under the same name.'),
  publicKey: publicKey.describe('The X25519 public key, in base64url.'),
});

const namespaces = unionOf(
  z.strictObject({
    type: z
      .enum(['All', 'Same', 'Names'])
      .describe('All: every namespace. Same: that of the EdgeGateway. Names: those that are listed.'),
    names: setOf(dnsLabel, { min: 1, max: 64 }).describe('The namespaces, for type Names.').optional(),
  }),
  { All: null, Same: null, Names: 'names' },
);

const workerSecretGrant = z.strictObject({
  name: workerSecretName.describe('Name of the worker secret.'),
  hosts: setOf(hostAndPort, { min: 1, max: 8 }).describe(
    'The hosts that the secret may be sent to, each with its port where that is not the default of the scheme.',
  ),
});

/** The bounds are what the API server's budget for rules leaves: it counts every list as full, at every level. */
const grant = z.strictObject({
  name: dnsLabel.describe('Name of this grant, which conditions refer to.'),
  namespaces: namespaces.describe('The namespaces that this grant is for.').prefault({ type: 'Same' }),
  hostnames: setOf(hostnameClaim, { min: 1, max: 32 })
    .describe('The host names that routes may claim: exact, `*.suffix`, or `*`. Absent: all.')
    .optional(),
  pathPrefixes: setOf(pathPrefix, { min: 1, max: 32 })
    .describe('The paths that routes may claim, and all below them. Absent: all.')
    .optional(),
  modelNames: setOf(modelNamePattern, { min: 1, max: 128 })
    .describe('The model names that routes may serve: exact, `prefix*`, or `*`. Absent: all.')
    .optional(),
  anonymous: z.boolean().default(false).describe('Whether routes may answer callers without a key.'),
  workerSecrets: mapOf(workerSecretGrant, ['name'], { max: 16 })
    .default([])
    .describe('The secrets of the worker that providers may use, and where these may be sent.'),
  bindings: setOf(bindingName, { max: 64 })
    .default([])
    .describe('The bindings of the worker that providers may be reached through.'),
  privateAddresses: z
    .boolean()
    .default(false)
    .describe('Whether providers may stand at private, loopback or link-local addresses.'),
  plainText: z
    .boolean()
    .default(false)
    .describe('Whether providers may be called over http. What is sent then, keys among it, can be read on the way.'),
});

const cloudflareKV = z.strictObject({
  accountId: cloudflareId.describe('The Cloudflare account that the namespace belongs to.'),
  namespaceId: cloudflareId.describe('The KV namespace, which the worker must have bound as `TABLE_KV`.'),
  apiTokenSecretRef: secretKeyReference('an API token that may write to the namespace').describe(
    'The Secret with the API token, whose permission is Workers KV Storage: Edit.',
  ),
});

const upstashRedis = z.strictObject({
  url: redisOrigin.describe(
    'The REST endpoint of the database. The worker must have the same as `UPSTASH_REDIS_REST_URL`.',
  ),
  tokenSecretRef: secretKeyReference('the REST token').describe('The Secret with the REST token of the database.'),
});

const publish = unionOf(
  z.strictObject({
    type: z
      .enum(['Edge', 'CloudflareKV', 'UpstashRedis'])
      .describe(
        'Edge: over HTTPS to the publish endpoints of the edge itself. CloudflareKV and UpstashRedis: into an inbox, from which the edge fetches it, also when it could not be reached meanwhile.',
      ),
    cloudflareKV: cloudflareKV.describe("The inbox in Cloudflare's KV, for type CloudflareKV.").optional(),
    upstashRedis: upstashRedis.describe('The inbox in a Redis of Upstash, for type UpstashRedis.').optional(),
  }),
  { Edge: null, CloudflareKV: 'cloudflareKV', UpstashRedis: 'upstashRedis' },
);

const spec = z.strictObject({
  clusterName: dnsLabel
    .check(
      transitionRule({
        cel: 'self == oldSelf',
        sentence:
          'cannot be changed: the edge knows this cluster by it. Create another EdgeGateway, then delete this one',
      }),
    )
    .describe('The name that the edge knows this cluster by. It stands in the configuration of the worker too.'),
  endpoint: edgeOrigin
    .check(
      rule({
        holds: (origin) => !(origin.startsWith('https:') ? /:443$/ : /:80$/).test(origin),
        cel: "!self.endsWith(self.startsWith('https:') ? ':443' : ':80')",
        sentence: 'must leave out the port where it is the default of the scheme',
      }),
      transitionRule({
        cel: 'self == oldSelf',
        sentence: 'cannot be changed: it is the identity of the edge. Create another EdgeGateway, then delete this one',
      }),
    )
    .describe(
      'The origin that the edge answers at, such as `https://ai.example.com`. It is the identity of the edge: the variable `FAIRLEAD_ENDPOINT` of the worker holds the same.',
    ),
  publish: publish.describe('How the routing table reaches the edge.').prefault({ type: 'Edge' }),
  signingKeySecretRef: z
    .strictObject({ name: objectName.describe('Name of the Secret, in the namespace of the EdgeGateway.') })
    .describe(
      'The Secret with the key that signs the routing table (`signing-key`: an Ed25519 private key as JWK, with `kid`) and the key that secrets are named by (`secret-id-key`: 32 bytes in base64url). `fairlead keygen` makes both.',
    ),
  sealingKeys: mapOf(sealingKey, ['kid'], { min: 1, max: 2 }).describe(
    'The public keys that provider secrets are sealed with. The first is used; a second keeps its old secrets readable while keys are rotated.',
  ),
  allowed: mapOf(grant, ['name'], { min: 1, max: 16 })
    .describe(
      'Which namespaces may attach, and what they may claim. What no entry allows is refused with `Accepted=False`, reason `NotAllowedByParent`. Absent: the namespace of the EdgeGateway, and everything but anonymous routes, worker secrets, bindings, private addresses and plain text.',
    )
    .optional(),
  suspend: z
    .boolean()
    .default(false)
    .describe(
      'Publishes nothing while it is true: the edge goes on with what it has, and what differs from that has `Programmed=False`, reason `Suspended`.',
    ),
  pinnedRevision: revisionName
    .describe(
      'Goes back to a revision that the edge keeps, and stays there: the routes, models, providers and consumers of then with the secrets of now. `fairlead history` lists the revisions. Absent: the edge serves what the resources say.',
    )
    .optional(),
  deletionPolicy: z
    .enum(['Retain', 'Evict'])
    .default('Retain')
    .describe(
      'What becomes of the edge when this resource is deleted. Retain: it goes on with its last table. Evict: it stops serving what this cluster published.',
    ),
});

const status = z.strictObject({ conditions });

/**
 * The annotation by which an operator lets one compiled table shrink the edge; its value is the digest of that table,
 * which the condition ShrinkHeld names.
 */
export const allowShrinkAnnotation = 'fairlead.dev/allow-shrink';

export const edgeGateway = objectOf('EdgeGateway', { spec, status });

export const edgeGatewayKind = {
  kind: 'EdgeGateway',
  plural: 'edgegateways',
  singular: 'edgegateway',
  shortNames: ['edge', 'edges'],
  summary: 'An edge that this cluster publishes to, and what others may claim on it.',
  description:
    'EdgeGateway is an edge that this cluster publishes its routing table to, and says which namespaces may attach to it and what they may claim there. It belongs to the platform team.',
  columns: [
    { name: 'Endpoint', type: 'string', jsonPath: '.spec.endpoint', description: 'The origin of the edge.' },
    {
      name: 'Cluster',
      type: 'string',
      jsonPath: '.spec.clusterName',
      description: 'What the edge calls this cluster.',
    },
    conditionColumn('Accepted'),
    conditionColumn('Programmed'),
    reasonColumn,
    {
      name: 'Publish',
      type: 'string',
      jsonPath: '.spec.publish.type',
      description: 'How the routing table reaches the edge.',
      wide: true,
    },
    {
      name: 'Suspended',
      type: 'boolean',
      jsonPath: '.spec.suspend',
      description: 'Whether nothing is published.',
      wide: true,
    },
    {
      name: 'Pinned',
      type: 'string',
      jsonPath: '.spec.pinnedRevision',
      description: 'The revision that the edge is to stay at.',
      wide: true,
    },
    age,
  ],
  conditions: {
    Accepted: ['Accepted', 'Invalid', 'Conflicted'],
    ResolvedRefs: ['ResolvedRefs', 'SecretNotFound'],
    Programmed: [
      'Programmed',
      'Pending',
      'NotShipped',
      'PublishFailed',
      'Suspended',
      'ShrinkHeld',
      'Pinned',
      'PinnedRevisionNotFound',
    ],
  },
  schema: edgeGateway,
  spec,
  status,
} as const satisfies KindDefinition;
