import { z } from 'zod';
import { ownOrNamed } from './references.ts';
import { rule } from './rule.ts';
import { objectName } from './text.ts';

/** Groups of other projects whose resources serve models on GPUs of the cluster. */
const kserveGroup = 'serving.kserve.io';
const inferencePoolGroup = 'inference.networking.k8s.io';

export const inferenceKind = z.enum(['InferenceService', 'LLMInferenceService', 'InferencePool']);

/** The group that serves each kind. */
export const inferenceGroups = {
  InferenceService: kserveGroup,
  LLMInferenceService: kserveGroup,
  InferencePool: inferencePoolGroup,
} as const satisfies Record<z.infer<typeof inferenceKind>, string>;

/** A reference to an inference service of the cluster. */
export function inferenceServiceReference(other: string) {
  return z
    .strictObject({
      group: z
        .enum([kserveGroup, inferencePoolGroup])
        .default(kserveGroup)
        .describe(`API group of the service: ${inferencePoolGroup} for kind InferencePool.`),
      kind: inferenceKind.default('InferenceService').describe('Kind of the service.'),
      name: objectName.describe('Name of the service.'),
      namespace: ownOrNamed
        .default('')
        .describe(`Namespace of the service. Empty: the namespace of this resource. ${other}`),
    })
    .check(
      rule({
        holds: ({ group, kind }) => group === inferenceGroups[kind],
        cel: `self.group == (self.kind == 'InferencePool' ? '${inferencePoolGroup}' : '${kserveGroup}')`,
        sentence: `must be ${inferencePoolGroup} for kind InferencePool, and ${kserveGroup} for the others`,
        at: 'group',
      }),
    );
}
