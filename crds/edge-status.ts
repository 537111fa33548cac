import { z } from 'zod';
import { conditions } from './conditions.ts';
import { inferenceKind } from './inference-references.ts';
import { atomicListOf, mapOf } from './lists.ts';
import { dnsLabel, objectName, timestamp } from './text.ts';

const revision = z.string().min(1).max(64);
const count = z.int().min(0);

const generation = z.strictObject({
  term: count.describe('Rises with each agent that takes over.'),
  sequence: count.describe('Rises with each publication within the term.'),
});

const published = z.strictObject({
  revision: revision.describe('The revision.'),
  generation: generation.describe('Its generation. Never goes back.'),
  time: timestamp.describe('When it was published.'),
});

const served = z.strictObject({
  revision: revision.describe('The revision.'),
  generation: generation.describe('Its generation.'),
});

const isolates = z.strictObject({
  revision: revision.describe('The revision.'),
  count: count.describe('How many isolates serve it.'),
});

const attached = z.strictObject({
  routes: count.describe('GatewayRoutes.'),
  models: count.describe('AIModels.'),
  providers: count.describe('LLMProviders.'),
  consumers: count.describe('Consumers.'),
});

const discovered = z.strictObject({
  kind: inferenceKind.describe('Kind of the service.'),
  namespace: dnsLabel.describe('Namespace of the service.'),
  name: objectName.describe('Name of the service.'),
  modelName: z.string().max(256).describe('The name that clients ask for.'),
  message: z
    .string()
    .max(1024)
    .describe('Why it is not published, and what to do. Absent: it is published.')
    .optional(),
});

const lastError = z.strictObject({
  time: timestamp.describe('When it happened.'),
  message: z.string().max(4096).describe('What went wrong, and what to do.'),
});

/** What is so of an edge. Counts are brought up to date every 30 s at most. */
export const edgeStatus = z.strictObject({
  conditions,
  published: published.describe('What was published last.').optional(),
  served: served.describe('What the edge says that it serves.').optional(),
  isolates: mapOf(isolates, ['revision'], { max: 32 })
    .describe('How many isolates the edge has heard of lately, by the revision that they serve.')
    .optional(),
  propagationSeconds: z
    .number()
    .min(0)
    .describe('How long it took, from the change to the last isolate, until the revision was served everywhere.')
    .optional(),
  attached: attached.describe('How many resources are published to the edge.').optional(),
  discovered: atomicListOf(discovered, { max: 256 })
    .describe('The models that `spec.discovery` finds, sorted by kind, namespace and name of their services.')
    .optional(),
  lastError: lastError.describe('What went wrong last, while it has not gone well since.').optional(),
});
