import { z } from 'zod';
import { parentedStatus } from './conditions.ts';
import { cors } from './cors.ts';
import { inferenceServiceReference } from './inference-references.ts';
import { age, conditionColumn, objectOf, reasonColumn, type KindDefinition } from './kind-definition.ts';
import { mapOf, setOf } from './lists.ts';
import { parentRefs, referenceKeys, referenceTo } from './references.ts';
import { rule } from './rule.ts';
import { dnsLabel, headerName, headerValue, hostname, pathPrefix } from './text.ts';
import { timeouts } from './timeouts.ts';
import { unionOf } from './union.ts';

const headerMatch = z.strictObject({
  name: headerName.describe('Name of the header, in lower case.'),
  value: headerValue.describe('The value that the header must have, exactly.'),
});

const allowedConsumers = unionOf(
  z.strictObject({
    type: z
      .enum(['Same', 'All', 'Namespaces'])
      .describe(
        'Same: the consumers of the namespace of the route. All: those of every namespace. Namespaces: those of the listed ones.',
      ),
    namespaces: setOf(dnsLabel, { min: 1, max: 64 })
      .describe('The namespaces, for type Namespaces. That of the route is not among them unless it is listed.')
      .optional(),
  }),
  { Same: null, All: null, Namespaces: 'namespaces' },
);

const spec = z
  .strictObject({
    parentRefs,
    hostnames: setOf(hostname, { min: 1, max: 16 })
      .describe('The host names that requests must be for: exact, or `*.suffix`. Absent: every host name of the edge.')
      .optional(),
    pathPrefix: pathPrefix
      .check(
        rule({
          holds: (path) => path !== '/fairlead' && !path.startsWith('/fairlead/'),
          cel: "self != '/fairlead' && !self.startsWith('/fairlead/')",
          sentence: "must not be /fairlead or below: those paths are the edge's own",
        }),
      )
      .default('/')
      .describe(
        'The path that stands before `/v1/…` in requests, by whole segments: with `/team-a` clients use the base URL `https://<host>/team-a/v1`.',
      ),
    headers: mapOf(headerMatch, ['name'], { max: 16 })
      .default([])
      .describe('Headers that requests must carry, all of them.'),
    models: mapOf(
      referenceTo('AIModel', 'An AIModel of another namespace needs a ReferenceGrant there.'),
      referenceKeys,
      { min: 1, max: 512 },
    )
      .describe('The models that requests may reach by this route. Absent: those of `targetService` alone.')
      .optional(),
    targetService: inferenceServiceReference('A service of another namespace needs a ReferenceGrant there.')
      .describe(
        'An inference service that requests may reach by this route without an AIModel, under the names by which it serves its models. The edge reaches it by `spec.clusterAccess` of the EdgeGateway, else at the URL that the service itself gives.',
      )
      .optional(),
    authentication: unionOf(
      z.strictObject({
        type: z
          .enum(['Key', 'Anonymous'])
          .describe(
            'Key: the key of a Consumer, as `Authorization: Bearer` or `x-api-key`. Anonymous: no key is asked for, which the EdgeGateway must allow.',
          ),
      }),
      { Key: null, Anonymous: null },
    )
      .describe('How callers prove who they are.')
      .prefault({ type: 'Key' }),
    allowedConsumers: allowedConsumers.describe('Whose consumers may call.').prefault({ type: 'Same' }),
    timeouts: timeouts((builtIn) => `that of the provider, else ${builtIn}`)
      .describe("How long answers may take. What stands here goes before the provider's.")
      .optional(),
    onClientAbort: z
      .enum(['Abort', 'Drain'])
      .default('Abort')
      .describe(
        'What happens upstream when the client hangs up. Abort: the call ends at once. Drain: it is read to its end, so that its usage is known exactly.',
      ),
    cors: cors.describe('Which web pages may call from a browser. Absent: none.').optional(),
  })
  .check(
    rule({
      holds: (route) => route.models !== undefined || route.targetService !== undefined,
      cel: 'has(self.models) || has(self.targetService)',
      sentence: 'is required, unless targetService is set',
      at: 'models',
    }),
  );

export const gatewayRoute = objectOf('GatewayRoute', { spec, status: parentedStatus });

export const gatewayRouteKind = {
  kind: 'GatewayRoute',
  plural: 'gatewayroutes',
  singular: 'gatewayroute',
  shortNames: ['gwr'],
  summary: 'Which requests may reach which models, and how they are treated.',
  description:
    'GatewayRoute says which requests may reach which models, and how they are treated. A request is matched by host, path, headers and model name; of several routes that match, the one with the more specific host wins, then the longer path, then the more headers, then the older one.',
  columns: [
    { name: 'Hostnames', type: 'string', jsonPath: '.spec.hostnames', description: 'The host names it is for.' },
    { name: 'Path', type: 'string', jsonPath: '.spec.pathPrefix', description: 'The path it is for.' },
    {
      name: 'First model',
      type: 'string',
      jsonPath: '.spec.models[0].name',
      description: 'The first of the models that it leads to.',
    },
    {
      name: 'Service',
      type: 'string',
      jsonPath: '.spec.targetService.name',
      description: 'The inference service it leads to.',
      wide: true,
    },
    {
      name: 'Auth',
      type: 'string',
      jsonPath: '.spec.authentication.type',
      description: 'How callers prove who they are.',
      wide: true,
    },
    conditionColumn('Accepted'),
    conditionColumn('ResolvedRefs'),
    conditionColumn('Programmed'),
    reasonColumn,
    age,
  ],
  conditions: {
    Accepted: ['Accepted', 'Invalid', 'NoMatchingParent', 'NotAllowedByParent', 'Conflicted'],
    ResolvedRefs: [
      'ResolvedRefs',
      'RefNotPermitted',
      'ModelNotFound',
      'BackendNotFound',
      'BackendNotReady',
      'BackendUnreachable',
      'BackendPending',
      'SecretNotFound',
      'SecretNotReleased',
      'SecretAccessDenied',
    ],
    Programmed: [
      'Programmed',
      'Pending',
      'NotShipped',
      'PublishFailed',
      'Suspended',
      'ShrinkHeld',
      'Pinned',
      'Conflicted',
    ],
  },
  schema: gatewayRoute,
  spec,
  status: parentedStatus,
} as const satisfies KindDefinition;
