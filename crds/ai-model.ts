import { z } from 'zod';
import { parentedStatus } from './conditions.ts';
import { age, conditionColumn, objectOf, reasonColumn, type KindDefinition } from './kind-definition.ts';
import { mapOf, setOf } from './lists.ts';
import { pricing } from './pricing.ts';
import { referenceTo } from './references.ts';
import { rule } from './rule.ts';
import { dnsLabel, modelName, upstreamModelName } from './text.ts';
import { unionOf } from './union.ts';

const mostTokens = 1_000_000_000;

const backend = unionOf(
  z.strictObject({
    name: dnsLabel.describe('Name of the backend, which logs and the header `x-fairlead-backend` give.'),
    type: z.enum(['Provider']).describe('Provider: an LLMProvider serves the model.'),
    providerRef: referenceTo('LLMProvider', 'An LLMProvider of another namespace needs a ReferenceGrant there.')
      .describe('The LLMProvider, for type Provider.')
      .optional(),
    model: upstreamModelName.describe('What the backend calls the model. Absent: `modelName`.').optional(),
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
  { Provider: 'providerRef' },
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

export const aiModel = objectOf('AIModel', { spec, status: parentedStatus });

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
    { name: 'Backends', type: 'string', jsonPath: '.spec.backends[*].name', description: 'What can serve it.' },
    conditionColumn('ResolvedRefs'),
    conditionColumn('Programmed'),
    reasonColumn,
    age,
  ],
  conditions: {
    Accepted: ['Accepted', 'Invalid', 'Conflicted'],
    ResolvedRefs: ['ResolvedRefs', 'RefNotPermitted', 'BackendNotFound'],
    Programmed: ['Programmed', 'Pending', 'NotShipped', 'PublishFailed', 'Suspended', 'ShrinkHeld', 'Pinned'],
  },
  schema: aiModel,
  spec,
  status: parentedStatus,
} as const satisfies KindDefinition;
