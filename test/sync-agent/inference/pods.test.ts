import { describe, expect, it } from 'vitest';
import { normalizeInferenceService } from '../../../sync-agent/inference/normalize-service.ts';
import { inferenceService, raw, slice } from '../support/kserve-objects.ts';

const SERVICE = 'llama-predictor';

/** @param pods names of those that are ready, and of one that is not */
function revisionsOf(ready: readonly string[], broken: string): readonly string[] | undefined {
  const some = slice(SERVICE, { ready: ready.length, broken: 1 });
  const endpoints = some.endpoints.map((pod, i) => ({ ...pod, targetName: ready[i] ?? broken }));
  return normalizeInferenceService(inferenceService(raw('True')), [{ ...some, endpoints }], undefined)?.revisions;
}

describe('what the pods of a service were made from', () => {
  it('is told by the names of those that are ready, while a rollout goes on too', () => {
    expect(
      revisionsOf(['llama-predictor-7c9f-x2x2x', 'llama-predictor-7c9f-abcde'], 'llama-predictor-55b4-zzzzz'),
    ).toEqual(['llama-predictor-7c9f']);
    expect(
      revisionsOf(['llama-predictor-7c9f-x2x2x', 'llama-predictor-55b4-zzzzz'], 'llama-predictor-7c9f-abcde'),
    ).toEqual(['llama-predictor-55b4', 'llama-predictor-7c9f']);
  });

  it('is not known where nobody tells of pods', () => {
    expect(normalizeInferenceService(inferenceService(raw('True')), [], undefined)?.revisions).toEqual([]);
  });
});
