import type { InferenceService, InferenceState } from './inference-service.ts';
import type { Statement } from './service-reading.ts';

/** Replicas that were counted. */
export interface Replicas {
  readonly ready: number;
  /** Ready or not, without those that are on their way out. */
  readonly present: number;
}

/**
 * What a service may be used for. `Ready` admits it; from then on its endpoints decide, not the condition: KServe turns
 * Ready False when one of three pods dies, and when a new revision fails while the old one serves.
 *
 * | stopped, or being deleted | was admitted | Ready | replicas                       | state        |
 * |---------------------------|--------------|-------|--------------------------------|--------------|
 * | yes                       |              |       |                                | Stopped      |
 * | no                        | no           | not True, and it says that it fails |  | Failed       |
 * | no                        | no           | not True, else |                       | Pending      |
 * | no                        |              | True  | some are ready                 | Ready        |
 * | no                        | yes          | not True | some are ready              | Degraded     |
 * | no                        | yes, or Ready |      | none are ready, and it sleeps  | ScaledToZero |
 * | no                        | yes, or Ready |      | none are ready, else           | Unavailable  |
 *
 * - **was admitted**: the state before says so, of an object of the same UID; a process that remembers nothing takes
 *   the object's word (`hasBeenReady`), so that a restart of ours unroutes nobody. What was stopped begins anew.
 * - **sleeps**: it makes a replica when it is called, does not say that it fails, and has no pods. With pods that are
 *   not ready it is waking, and still sleeps, where it slept before or says Ready (Knative does, as it holds requests
 *   until a pod is ready); else its pods are broken.
 * - **replicas** are counted from EndpointSlices. Where there is none of its Services (they do not exist yet, or may
 *   not be read), from its status: ready copies where it tells them; else Ready stands for one.
 *
 * `observedGeneration` decides nothing: KServe copies that of the Deployment.
 */
export function decideState(
  statement: Statement,
  replicas: Replicas,
  before: InferenceService | undefined,
): InferenceState {
  const { stopped, ready, message } = statement;
  if (stopped !== undefined) return { phase: 'Stopped', message: stopped };
  const saysReady = ready === 'True';
  if (!saysReady && !statement.hasBeenReady && !(before && wasAdmitted(before)))
    return { phase: statement.isFailing ? 'Failed' : 'Pending', message };
  if (replicas.ready > 0) return saysReady ? { phase: 'Ready', message: '' } : { phase: 'Degraded', message };
  return { phase: sleeps(statement, replicas, before) ? 'ScaledToZero' : 'Unavailable', message };
}

function sleeps(statement: Statement, { present }: Replicas, before: InferenceService | undefined): boolean {
  if (!statement.wakes || statement.isFailing) return false;
  return present === 0 || statement.ready === 'True' || before?.state.phase === 'ScaledToZero';
}

function wasAdmitted({ state: { phase } }: InferenceService): boolean {
  switch (phase) {
    case 'Ready':
    case 'Degraded':
    case 'ScaledToZero':
    case 'Unavailable':
      return true;
    case 'Pending':
    case 'Stopped':
    case 'Failed':
      return false;
  }
}
