import { z } from 'zod';
import { conditions } from './conditions.ts';
import { age, conditionColumn, objectOf, reasonColumn, type KindDefinition } from './kind-definition.ts';
import { mapOf, setOf } from './lists.ts';
import { rule, transitionRule } from './rule.ts';
import {
  dnsLabel,
  edgeOrigin,
  hostAndPort,
  hostnameClaim,
  keyId,
  modelNamePattern,
  objectName,
  pathPrefix,
  publicKey,
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
  publish: unionOf(
    z.strictObject({
      type: z.enum(['Edge']).describe('Edge: over HTTPS to the publish endpoints of the edge itself.'),
    }),
    { Edge: null },
  )
    .describe('How the routing table reaches the edge.')
    .prefault({ type: 'Edge' }),
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
});

const status = z.strictObject({ conditions });

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
    age,
  ],
  conditions: {
    Accepted: ['Accepted', 'Invalid', 'Conflicted'],
    ResolvedRefs: ['ResolvedRefs', 'SecretNotFound'],
    Programmed: ['Programmed', 'Pending', 'NotShipped', 'PublishFailed'],
  },
  schema: edgeGateway,
  spec,
  status,
} as const satisfies KindDefinition;
