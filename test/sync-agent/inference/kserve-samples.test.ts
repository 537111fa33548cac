import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { normalizeInferenceService, serviceNamesOf } from '../../../sync-agent/inference/normalize-service.ts';
import type { InferenceService } from '../../../sync-agent/inference/inference-service.ts';
import { condition, raw, slice, UID } from '../support/kserve-objects.ts';

const FOLDER = new URL('../../../../shared/kserve-samples/', import.meta.url);
const samples = existsSync(FOLDER)
  ? readdirSync(FOLDER).flatMap((file) =>
      parseAllDocuments(readFileSync(new URL(file, FOLDER), 'utf8')).map((document) => ({
        file,
        object: asStored(document.toJS()),
      })),
    )
  : [];

interface Sample {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly uid?: string };
}

function asStored(object: Sample): Sample {
  return { ...object, metadata: { ...object.metadata, namespace: 'team-a', uid: UID } };
}

const URL_OF_ROUTE = 'https://llm.example.com/team-a/it';

/** As its controller leaves it while all pods are ready, and when one is not. */
function statusOf(kind: string, ready: 'True' | 'False'): object {
  if (kind === 'InferenceService') return raw(ready);
  return { url: URL_OF_ROUTE, conditions: [condition('RouterReady', 'True'), condition('Ready', ready)] };
}

/** They stand beside the project where it is developed, and nowhere else. */
describe.skipIf(samples.length === 0)('the samples of KServe’s documentation', () => {
  it.each(samples)('$file is admitted when it is ready, and leaves without a ready pod', ({ object }) => {
    const [service = ''] = serviceNamesOf(object);
    const at = (says: 'True' | 'False', ready: number, before?: InferenceService) =>
      normalizeInferenceService(
        { ...object, status: statusOf(object.kind, says) },
        [slice(service, { ready, broken: 3 - ready })],
        before,
      );
    const ready = at('True', 3);

    expect(normalizeInferenceService(object, [], undefined)?.state.phase).toBe('Pending');
    expect(ready?.state.phase).toBe('Ready');
    expect(ready?.modelNames.length).toBeGreaterThan(0);
    expect(ready?.origin).toMatch(/^https?:/);
    expect(at('False', 2, ready)?.state.phase).toBe('Degraded');
    expect(at('False', 0, ready)?.state.phase).toBe('Unavailable');
  });
});
