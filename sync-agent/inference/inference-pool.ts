import { z } from 'zod';
import { workloadService } from './llm-inference-service.ts';
import {
  complaintOf,
  conditions,
  type ForeignCondition,
  type ForeignMetadata,
  keptMetadata,
  type ServiceReading,
  type Statement,
  statusOf,
  stopOf,
} from './service-reading.ts';
import { count, listOf, part, text } from './tolerant.ts';

const inferencePool = z.object({
  spec: part({ targetPorts: listOf(z.object({ number: count }), 8) }),
  status: part({ parents: listOf(z.object({ parentRef: part({ kind: text }), conditions }), 32) }),
});

/**
 * Of the Gateway API's inference extension. It has no address of its own, no replicas and no names: those come from
 * whoever refers to it. Its pods are known where KServe made it, for an LLMInferenceService.
 */
export function readInferencePool(raw: unknown, metadata: ForeignMetadata): ServiceReading | undefined {
  const { data: facts } = inferencePool.safeParse(raw);
  if (!facts) return undefined;
  const owner = metadata.ownerReferences.find(({ kind }) => kind === 'LLMInferenceService');
  return {
    kind: 'InferencePool',
    metadata: keptMetadata(metadata),
    statement: statementOf(
      (facts.status?.parents ?? []).map(({ conditions }) => conditions),
      metadata,
    ),
    serviceNames: owner ? [workloadService(owner.name)] : [],
    otherPods: [],
    origin: undefined,
    paths: ['/v1'],
    modelNames: [],
    scale: { least: undefined, fixed: false },
    accelerator: undefined,
    traffic: [],
    metricsPort: facts.spec?.targetPorts[0]?.number,
  };
}

/** It is ready where one gateway takes it. A pool that no gateway has looked at waits (parent `Status/default`). */
function statementOf(parents: readonly (readonly ForeignCondition[])[], metadata: ForeignMetadata): Statement {
  const taken = parents.some(
    (said) => statusOf('Accepted', said) === 'True' && statusOf('ResolvedRefs', said) !== 'False',
  );
  const refused = parents.filter((said) =>
    ['Accepted', 'ResolvedRefs'].some((type) => statusOf(type, said) === 'False'),
  );
  return {
    stopped: stopOf(metadata),
    ready: taken ? 'True' : refused.length > 0 ? 'False' : 'Unknown',
    message: taken ? '' : (refused.map((said) => complaintOf(['Accepted', 'ResolvedRefs'], said)).find(Boolean) ?? ''),
    hasBeenReady: false,
    isFailing: false,
    wakes: false,
    readyCopies: undefined,
  };
}
