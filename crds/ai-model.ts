import { z } from 'zod';
import { parentedStatus } from './conditions.ts';
import { inferenceKind, inferenceServiceReference } from './inference-references.ts';
import { age, conditionColumn, objectOf, reasonColumn, type KindDefinition } from './kind-definition.ts';
import { labelSelector } from './label-selector.ts';
import { atomicListOf, mapOf, setOf } from './lists.ts';
import { pricing } from './pricing.ts';
import { referenceTo } from './references.ts';
import { rule } from './rule.ts';
import { dnsLabel, modelName, objectName, timestamp, upstreamModelName } from './text.ts';
import { unionOf } from './union.ts';

const mostTokens = 1_000_000_000;

const selector = labelSelector('the services').extend({
  kinds: setOf(inferenceKind, { min: 1, max: 3 })
    .default(['InferenceService', 'LLMInferenceService'])
    .describe(
      'Kinds of the services. An LLMInferenceService makes InferencePools of its own, so that these are extra.',
    ),
});

const backend = unionOf(
  z.strictObject({
    name: dnsLabel.describe('Name of the backend, which logs and the header `x-fairlead-backend` give.'),
    type: z
      .enum(['Provider', 'InferenceService', 'Selector'])
      .describe(
        'Provider: an LLMProvider serves the model. InferenceService: an inference service of this cluster does. Selector: all inference services of the namespace that have certain labels do, each as a backend of its own name.',
      ),
    providerRef: referenceTo('LLMProvider', 'An LLMProvider of another namespace needs a ReferenceGrant there.')
      .describe('The LLMProvider, for type Provider.')
      .optional(),
    inferenceServiceRef: inferenceServiceReference('A service of another namespace needs a ReferenceGrant there.')
      .describe('The inference service, for type InferenceService.')
      .optional(),
    selector: selector.describe('The inference services, for type Selector.').optional(),
    connectionRef: referenceTo('LLMProvider', 'An LLMProvider of another namespace needs a ReferenceGrant there.')
      .describe(
        'How the edge reaches the inference service, for types InferenceService and Selector: an LLMProvider, whose URL, credentials, headers and transport are used. Where its `baseURL` has a path, that is complete. Absent: by `spec.clusterAccess` of the EdgeGateway, else at the URL that the service itself gives; an InferencePool gives none.',
      )
      .optional(),
    model: upstreamModelName
      .describe(
        'What the backend calls the model. Absent: `modelName`; of an inference service that serves one model only, its name.',
      )
      .optional(),
    weight: z
      .int()
      .min(0)
      .max(1_000_000)
      .default(1)
      .describe('Share of the calls among the backends of one priority, relative to the others. 0: none.'),
    priority: z
      .int()
      .min(0)
      .max(100)
      .default(0)
      .describe('Lower ones are tried first; higher ones get calls only when no lower one can answer.'),
  }),
  { Provider: 'providerRef', InferenceService: 'inferenceServiceRef', Selector: 'selector' },
).check(
  rule({
    holds: ({ type, connectionRef }) => connectionRef === undefined || type !== 'Provider',
    cel: "!has(self.connectionRef) || self.type != 'Provider'",
    sentence: 'must be absent when type is Provider, which says itself how it is reached',
    at: 'connectionRef',
  }),
);

const spec = z
  .strictObject({
    modelName: modelName.describe('The model name that clients ask for.'),
    aliases: setOf(modelName, { max: 32 }).default([]).describe('Other names that clients may ask for the model by.'),
    backends: mapOf(backend, ['name'], { min: 1, max: 32 }).describe('What can serve the model.'),
    capabilities: setOf(z.enum(['Chat', 'Completions', 'Embeddings']), { min: 1, max: 3 })
      .describe(
        'The endpoints that the model can be called by: chat completions, completions, embeddings. Absent: all of them, and the provider decides.',
      )
      .optional(),
    contextWindow: z
      .int()
      .min(1)
      .max(mostTokens)
      .describe('Tokens that the model can hold, input and output together. Absent: unknown.')
      .optional(),
    maxOutputTokens: z
      .int()
      .min(1)
      .max(mostTokens)
      .describe('Tokens that the model can write in one answer. Absent: unknown.')
      .optional(),
    pricing: pricing
      .describe('What the tokens cost, in US dollars. Absent: unknown, and no cost is recorded.')
      .optional(),
  })
  .check(
    rule({
      holds: (model) => !model.aliases.includes(model.modelName),
      cel: '!(self.modelName in self.aliases)',
      sentence: 'must not hold modelName, which is a name of the model already',
      at: 'aliases',
    }),
    rule({
      holds: ({ contextWindow, maxOutputTokens }) =>
        contextWindow === undefined || maxOutputTokens === undefined || maxOutputTokens <= contextWindow,
      cel: '!has(self.contextWindow) || !has(self.maxOutputTokens) || self.maxOutputTokens <= self.contextWindow',
      sentence: 'must not be more than contextWindow, which holds input and output together',
      at: 'maxOutputTokens',
    }),
  );

const deploymentStatus = z.enum([
  'None',
  'Pending',
  'Ready',
  'Degraded',
  'ScaledToZero',
  'Unavailable',
  'Stopped',
  'Failed',
]);

const replicas = z.int().min(0).max(1_000_000);

const service = z.strictObject({
  kind: inferenceKind.describe('Kind of the service.'),
  namespace: dnsLabel.describe('Namespace of the service.'),
  name: objectName.describe('Name of the service.'),
  deploymentStatus: deploymentStatus.describe('State of the service.'),
  readyReplicas: replicas
    .describe('Replicas that can answer. Absent: nobody counts them, as those of an InferencePool.')
    .optional(),
  desiredReplicas: replicas.describe('Replicas that the service is to have. Absent: it does not say.').optional(),
  accelerator: z
    .string()
    .max(128)
    .describe('What each replica computes on, such as `nvidia.com/gpu`. Absent: unknown, or none.')
    .optional(),
  acceleratorsPerReplica: replicas.describe('How many of that each replica has.').optional(),
  url: z.string().max(2048).describe('Where the edge reaches the service. Absent: unknown.').optional(),
});

const status = parentedStatus.extend({
  deploymentStatus: deploymentStatus
    .describe('State of the best of the inference services behind the model. None: there are none.')
    .optional(),
  availableReplicas: replicas
    .describe('Replicas that can answer, of all inference services behind the model whose replicas are counted.')
    .optional(),
  inferenceServiceURL: z
    .string()
    .max(2048)
    .describe('Where the edge reaches the first of the inference services that it can reach.')
    .optional(),
  lastObservedTime: timestamp.describe('When the inference services last were seen to change.').optional(),
  services: atomicListOf(service, { max: 64 })
    .describe('The inference services behind the model, sorted by kind, namespace and name.')
    .optional(),
});

export const aiModel = objectOf('AIModel', { spec, status });

export const aiModelKind = {
  kind: 'AIModel',
  plural: 'aimodels',
  singular: 'aimodel',
  shortNames: ['aim'],
  summary: 'The model name that clients ask for, and what can serve it.',
  description:
    'AIModel is a model name that clients ask for, and the backends that can serve it. A call goes to a backend of the lowest priority that can answer, shared out by weight in such a way that one conversation stays with one backend.',
  columns: [
    { name: 'Model', type: 'string', jsonPath: '.spec.modelName', description: 'The name that clients ask for.' },
    {
      name: 'Services',
      type: 'string',
      jsonPath: '.status.deploymentStatus',
      description: 'State of the inference services behind it; None where there are none.',
    },
    {
      name: 'Replicas',
      type: 'integer',
      jsonPath: '.status.availableReplicas',
      description: 'Replicas of inference services that can answer.',
    },
    conditionColumn('ResolvedRefs'),
    conditionColumn('Programmed'),
    reasonColumn,
    {
      // Of a list the API server shows the first entry alone.
      name: 'First backend',
      type: 'string',
      jsonPath: '.spec.backends[0].name',
      description: 'The first of its backends, as they are listed.',
      wide: true,
    },
    {
      name: 'URL',
      type: 'string',
      jsonPath: '.status.inferenceServiceURL',
      description: 'Where the edge reaches its inference service.',
      wide: true,
    },
    age,
  ],
  conditions: {
    Accepted: ['Accepted', 'Invalid', 'NotAllowedByParent', 'Conflicted'],
    ResolvedRefs: [
      'ResolvedRefs',
      'RefNotPermitted',
      'BackendNotFound',
      'BackendNotReady',
      'BackendUnreachable',
      'BackendPending',
      'SecretNotFound',
      'SecretNotReleased',
      'SecretAccessDenied',
    ],
    Programmed: ['Programmed', 'Pending', 'NotShipped', 'PublishFailed', 'Suspended', 'ShrinkHeld', 'Pinned'],
  },
  schema: aiModel,
  spec,
  status,
} as const satisfies KindDefinition;
