import { z } from 'zod';
import { clusterAccess } from './cluster-access.ts';
import { discovery } from './discovery.ts';
import { edgeAllowed } from './edge-allowed.ts';
import { edgePublish } from './edge-publish.ts';
import { edgeStatus } from './edge-status.ts';
import { age, conditionColumn, objectOf, reasonColumn, type KindDefinition } from './kind-definition.ts';
import { mapOf } from './lists.ts';
import { rule, transitionRule } from './rule.ts';
import { dnsLabel, edgeOrigin, keyId, objectName, publicKey, revisionName } from './text.ts';

const sealingKey = z.strictObject({
  kid: keyId.describe('Name of the key pair. The worker holds the private key under the same name.'),
  publicKey: publicKey.describe('The X25519 public key, in base64url.'),
});

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
  publish: edgePublish.describe('How the routing table reaches the edge.').prefault({ type: 'Edge' }),
  signingKeySecretRef: z
    .strictObject({ name: objectName.describe('Name of the Secret, in the namespace of the EdgeGateway.') })
    .describe(
      'The Secret with the key that signs the routing table (`signing-key`: an Ed25519 private key as JWK, with `kid`) and the key that secrets are named by (`secret-id-key`: 32 bytes in base64url). `fairlead keygen` makes both.',
    ),
  sealingKeys: mapOf(sealingKey, ['kid'], { min: 1, max: 2 }).describe(
    'The public keys that provider secrets are sealed with. The first is used; a second keeps its old secrets readable while keys are rotated.',
  ),
  allowed: edgeAllowed
    .describe(
      'Which namespaces may attach, and what they may claim. What no entry allows is refused with `Accepted=False`, reason `NotAllowedByParent`. Absent: the namespace of the EdgeGateway, and everything but anonymous routes, worker secrets, bindings, private addresses and plain text.',
    )
    .optional(),
  clusterAccess: clusterAccess
    .describe(
      'How the edge reaches the inference services of this cluster, where the backend that leads to one has no `connectionRef`. Absent: at the URL that each service itself gives, without credentials.',
    )
    .optional(),
  discovery: discovery
    .default([])
    .describe(
      'Inference services that are published as models without anyone writing an AIModel or a GatewayRoute: on every host name of the edge, for the consumers of the namespace of the service and of that of the EdgeGateway, with their keys. `allowed` must let the namespace of the service claim that. A model name that a GatewayRoute claims in the same way stays with that; else the older service has it. `status.discovered` lists them.',
    ),
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

/**
 * The annotation by which an operator lets one compiled table shrink the edge; its value is the digest of that table,
 * which the condition ShrinkHeld names.
 */
export const allowShrinkAnnotation = 'fairlead.dev/allow-shrink';

export const edgeGateway = objectOf('EdgeGateway', { spec, status: edgeStatus });

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
    conditionColumn('ResolvedRefs'),
    conditionColumn('Programmed'),
    {
      name: 'Revision',
      type: 'string',
      jsonPath: '.status.served.revision',
      description: 'The revision that the edge serves.',
    },
    {
      name: 'Models',
      type: 'integer',
      jsonPath: '.status.attached.models',
      description: 'How many models are published to it.',
    },
    reasonColumn,
    {
      name: 'Published',
      type: 'string',
      jsonPath: '.status.published.revision',
      description: 'The revision that was published last.',
      wide: true,
    },
    {
      name: 'Isolates',
      type: 'string',
      jsonPath: '.status.isolates[*].count',
      description: 'How many isolates of the edge serve each revision.',
      wide: true,
    },
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
    ResolvedRefs: ['ResolvedRefs', 'SecretNotFound', 'SecretAccessDenied'],
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
  status: edgeStatus,
} as const satisfies KindDefinition;
