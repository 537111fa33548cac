import { countReplicas, podsBehind } from './count-replicas.ts';
import { decideState, type Replicas } from './decide-state.ts';
import type { EndpointSliceFacts } from './endpoint-slice.ts';
import type { InferenceService } from './inference-service.ts';
import { readInferencePool } from './inference-pool.ts';
import { readInferenceService } from './kserve-inference-service.ts';
import { readLlmInferenceService } from './llm-inference-service.ts';
import { revisionsOf } from './pods.ts';
import { foreignObject, type ServiceReading } from './service-reading.ts';

/**
 * An object of one of the three kinds, any of their versions, and what is known of its pods, in our own terms.
 *
 * @param slices those of its Services (`serviceNamesOf`); others are left aside
 * @param before what this gave for the object of that name before: only of the same UID it counts, and only to know
 * that it has been ready. Equal arguments give an equal result.
 * @returns undefined where it is none of these kinds
 */
export function normalizeInferenceService(
  raw: unknown,
  slices: readonly EndpointSliceFacts[],
  before: InferenceService | undefined,
): InferenceService | undefined {
  const reading = readService(raw);
  if (!reading) return undefined;
  const { kind, metadata, statement } = reading;
  const replicas = countReplicas(reading, slices);
  const pods = podsBehind(reading, slices);
  const remembered = before?.metadata.uid !== undefined && before.metadata.uid === metadata.uid ? before : undefined;
  return {
    kind,
    metadata,
    state: decideState(statement, replicas, remembered),
    origin: reading.origin,
    paths: reading.paths,
    modelNames: reading.modelNames,
    replicas: {
      ready: statement.stopped === undefined ? replicas.ready : 0,
      desired: desiredReplicas(reading, replicas, pods !== undefined),
    },
    revisions: revisionsOf(pods ?? []),
    accelerator: reading.accelerator && reading.accelerator.count <= MOST_DEVICES ? reading.accelerator : undefined,
    traffic: reading.traffic,
  };
}

/** More than a replica has, whatever its specification multiplies. */
const MOST_DEVICES = 100_000;

/** Names of the Services of Kubernetes, in the object's namespace, whose EndpointSlices tell of its pods. */
export function serviceNamesOf(raw: unknown): readonly string[] {
  return readService(raw)?.serviceNames ?? [];
}

export function readService(raw: unknown): ServiceReading | undefined {
  const { data } = foreignObject.safeParse(raw);
  const [group] = data?.apiVersion.split('/') ?? [];
  if (!data || group === undefined) return undefined;
  switch (`${group}/${data.kind}`) {
    case 'serving.kserve.io/InferenceService':
      return readInferenceService(raw, data.metadata);
    case 'serving.kserve.io/LLMInferenceService':
      return readLlmInferenceService(raw, data.metadata);
    case 'inference.networking.k8s.io/InferencePool':
      return readInferencePool(raw, data.metadata);
    default:
      return undefined;
  }
}

/**
 * Where its pods are counted, those that are there, ready or not, are wanted: nobody says how many an autoscaler wants.
 * So a pod that dies lowers the share that is ready; while pods are being replaced, it is lower for a while too.
 */
function desiredReplicas(
  { scale, statement }: ServiceReading,
  { present }: Replicas,
  areCounted: boolean,
): number | undefined {
  if (statement.stopped !== undefined) return 0;
  // A word that stands for one replica (an InferencePool's, say) is no count.
  if (scale.least === undefined) return areCounted && present > 0 ? present : undefined;
  return scale.fixed ? scale.least : Math.max(scale.least, present);
}
