import type { ObjectMeta } from '../../crds/object-meta.ts';

/** Kinds of other projects by which GPUs serve a model. */
export const INFERENCE_KINDS = ['InferenceService', 'LLMInferenceService', 'InferencePool'] as const;
export type InferenceKind = (typeof INFERENCE_KINDS)[number];

/**
 * An inference service as its cluster tells of it, whichever project runs it: what decides whether, where and by which
 * names it is served. Load and addresses of pods are no part of it (source.ts, signals).
 */
export interface InferenceService {
  readonly kind: InferenceKind;
  readonly metadata: ObjectMeta;
  readonly state: InferenceState;
  /** Where it says that it is reached: scheme, host and port, no path. Absent: it says nothing, as InferencePools do. */
  readonly origin: string | undefined;
  /** Paths under which its models may answer, as `/openai/v1`; the most likely first. */
  readonly paths: readonly string[];
  /** Names that its specification gives its models, adapters among them: a hint, which the edge's own look replaces. */
  readonly modelNames: readonly string[];
  /** `ready` counts endpoints; `desired` is unknown where the service does not say it. */
  readonly replicas: { readonly ready: number; readonly desired: number | undefined };
  /** What the pods that are ready were made from: others may serve other models. Sorted; empty where no pods are known. */
  readonly revisions: readonly string[];
  /** What each replica computes on. */
  readonly accelerator: Accelerator | undefined;
  /** Revisions that share the traffic, where there is more than one. Percent. */
  readonly traffic: readonly { readonly revision: string; readonly percent: number }[];
}

export interface Accelerator {
  /** As the resource is called: `nvidia.com/gpu`, `nvidia.com/mig-1g.10gb`, `amd.com/gpu`, `habana.ai/gaudi`. */
  readonly kind: string;
  readonly count: number;
}

/**
 * | state        | means                                                            | served        |
 * |--------------|------------------------------------------------------------------|---------------|
 * | Pending      | it has never been ready                                          | no            |
 * | Ready        | it says so, and has a ready endpoint                             | yes           |
 * | Degraded     | it was ready; says it is not, but endpoints are                  | yes           |
 * | ScaledToZero | it has no replicas and will make one when it is called           | yes, as cold  |
 * | Unavailable  | it was ready, and no endpoint is                                 | no            |
 * | Stopped      | its owner stopped it                                             | no            |
 * | Failed       | it has never been ready, and says that it will not be            | no            |
 */
export interface InferenceState {
  readonly phase: 'Pending' | 'Ready' | 'Degraded' | 'ScaledToZero' | 'Unavailable' | 'Stopped' | 'Failed';
  /** What the service itself says of it, for people; empty where it says nothing. */
  readonly message: string;
}

export function isServed({ phase }: InferenceState): boolean {
  return phase === 'Ready' || phase === 'Degraded' || phase === 'ScaledToZero';
}
