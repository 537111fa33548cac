import { z } from 'zod';
import { containers, resources } from './accelerator.ts';
import { conditions } from './service-reading.ts';
import { count, listOf, part, text, texts } from './tolerant.ts';

const container = z.object({
  name: text,
  image: text,
  command: listOf(z.string(), 1_000),
  args: listOf(z.string(), 1_000),
  resources,
  ports: listOf(z.object({ containerPort: z.int().min(1).max(65_535) }), 16),
});

const model = part({ ...container.shape, modelFormat: part({ name: text }), runtime: text });

const predictor = z.object({
  name: text,
  annotations: texts,
  minReplicas: count,
  maxReplicas: count,
  model,
  huggingface: model,
  triton: model,
  containers: listOf(container, 32),
  workerSpec: part({ containers, tensorParallelSize: count, pipelineParallelSize: count }),
});
export type Predictor = z.output<typeof predictor>;

const EMPTY = predictor.parse({});

const traffic = listOf(z.object({ revisionName: text, percent: count, latestRevision: z.boolean().nullish() }), 100);

/** What is read of KServe's InferenceService, v1beta1. */
export const inferenceService = z.object({
  spec: z
    .object({
      predictor: predictor.catch(EMPTY),
      canary: listOf(z.object({ predictor: z.object({ name: z.string() }) }), 32),
    })
    .catch({ predictor: EMPTY, canary: [] }),
  status: part({
    url: text,
    address: part({ url: text }),
    deploymentMode: text,
    conditions,
    components: part({
      predictor: part({ url: text, latestReadyRevision: text, latestCreatedRevision: text, traffic }),
    }),
    modelStatus: part({
      transitionStatus: text,
      states: part({ activeModelState: text, targetModelState: text }),
      copies: part({ totalCopies: count }),
      lastFailureInfo: part({ reason: text }),
    }),
    canaryStatuses: listOf(z.object({ name: z.string(), trafficPercent: count }), 32),
  }),
});
export type Facts = z.output<typeof inferenceService>;

/** The container that serves the model: named so, else the first. */
export function serving({ model, huggingface, triton, containers }: Predictor): z.output<typeof container> | undefined {
  return model ?? huggingface ?? triton ?? containers.find(({ name }) => name === 'kserve-container') ?? containers[0];
}
