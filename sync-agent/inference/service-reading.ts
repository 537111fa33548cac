import { z } from 'zod';
import type { ObjectMeta } from '../../crds/object-meta.ts';
import type { Accelerator, InferenceKind } from './inference-service.ts';
import { cutText } from '../cut-text.ts';
import { count, listOf, text, texts } from './tolerant.ts';

/** What an object says by itself, before anybody looks at its endpoints or remembers what it was. */
export interface ServiceReading {
  readonly kind: InferenceKind;
  readonly metadata: ObjectMeta;
  readonly statement: Statement;
  /** Services of Kubernetes whose EndpointSlices hold its pods; those that do not exist may be among them. */
  readonly serviceNames: readonly string[];
  /** What the names of pods begin with that stand behind those Services and are no replicas. */
  readonly otherPods: readonly string[];
  readonly origin: string | undefined;
  readonly paths: readonly string[];
  readonly modelNames: readonly string[];
  readonly scale: Scale;
  readonly accelerator: Accelerator | undefined;
  readonly traffic: readonly { readonly revision: string; readonly percent: number }[];
  /** Where its pods' own server listens, for metrics; absent: on the port that the Service leads to. */
  readonly metricsPort: number | undefined;
}

/** How many replicas it wants, by its specification; nothing where somebody else decides it unseen. */
export interface Scale {
  readonly least: number | undefined;
  /** It is never other than the least. */
  readonly fixed: boolean;
}

export interface Statement {
  /** Why it serves nobody, whatever its pods do: its owner stopped it, or it is being deleted. */
  readonly stopped: string | undefined;
  readonly ready: 'True' | 'False' | 'Unknown';
  /** For people; empty where it says nothing. */
  readonly message: string;
  /** The object holds what is only written once it has been ready. */
  readonly hasBeenReady: boolean;
  /** It says that it will not become ready as it is. */
  readonly isFailing: boolean;
  /** With no replicas, it makes one when it is called. */
  readonly wakes: boolean;
  /** Ready replicas by its status. */
  readonly readyCopies: number | undefined;
}

const foreignMetadata = z.object({
  name: z.string().min(1).max(253),
  namespace: z.string().min(1).max(63),
  uid: text,
  generation: count,
  labels: texts,
  annotations: texts,
  creationTimestamp: text,
  deletionTimestamp: text,
  ownerReferences: listOf(z.object({ kind: z.string(), name: z.string() }), 100),
});

export type ForeignMetadata = z.output<typeof foreignMetadata>;

/** What every kind has. The fields of `spec` and `status` are read by the kind. */
export const foreignObject = z.object({ kind: z.string(), apiVersion: z.string(), metadata: foreignMetadata });

/**
 * Of the metadata only what anybody compiles: without resourceVersion and annotations, so that an object that a
 * controller merely touched is equal to what it was.
 */
export function keptMetadata(metadata: ForeignMetadata): ObjectMeta {
  const { name, namespace, uid, generation, labels, creationTimestamp } = metadata;
  return {
    name,
    namespace,
    labels,
    annotations: {},
    ...(uid !== undefined && { uid }),
    ...(generation !== undefined && { generation }),
    ...(creationTimestamp !== undefined && { creationTimestamp }),
  };
}

export const conditions = listOf(z.object({ type: z.string(), status: z.string(), reason: text, message: text }), 64);
export type ForeignCondition = z.output<typeof conditions>[number];

/** Of a condition that is missing, nothing is known. */
export function statusOf(type: string, conditions: readonly ForeignCondition[]): Statement['ready'] {
  const status = conditions.find((condition) => condition.type === type)?.status;
  return status === 'True' || status === 'False' ? status : 'Unknown';
}

const LONGEST_MESSAGE = 300;

/** What the first of some conditions that is not True says. */
export function complaintOf(types: readonly string[], conditions: readonly ForeignCondition[]): string {
  for (const type of types) {
    const condition = conditions.find((condition) => condition.type === type);
    if (!condition || condition.status === 'True') continue;
    const said = condition.message?.trim() || condition.reason;
    if (said) return cutText(said, LONGEST_MESSAGE);
  }
  return '';
}

const STOP = 'serving.kserve.io/stop';

/** Why KServe, or the garbage collector, takes an object's pods away. */
export function stopOf({ annotations, deletionTimestamp }: ForeignMetadata): string | undefined {
  if (deletionTimestamp !== undefined) return 'It is being deleted.';
  if (annotations[STOP]?.toLowerCase() === 'true') return `It is stopped by the annotation ${STOP}.`;
  return undefined;
}
