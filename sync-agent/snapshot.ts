import type { ObjectMeta } from '../crds/object-meta.ts';
import type { Resource as StoredResource } from '../crds/parse-resource.ts';
import type { InferenceService } from './inference/inference-service.ts';
import type { EdgeSighting } from './inference/sighting.ts';

/**
 * What is compiled. Those that people write are parsed by their schema (crds/parse-resource.ts); the others are what a
 * cluster and the edge tell. A snapshot is a map of them by key.
 */
export type Resource = StoredResource | ClusterNamespace | DeniedSecret | InferenceService | EdgeSighting;

/** A namespace of the cluster, for selectors. A folder has none: there every namespace exists, without labels. */
export interface ClusterNamespace {
  readonly kind: 'Namespace';
  /** Its own name is `name` and `namespace` both. */
  readonly metadata: {
    readonly namespace: string;
    readonly name: string;
    readonly labels: Readonly<Record<string, string>>;
  };
}

/** A Secret that a resource names and the agent may not read. */
export interface DeniedSecret {
  readonly kind: 'DeniedSecret';
  readonly metadata: { readonly namespace: string; readonly name: string };
  /** What lets the agent read it: a command to run. */
  readonly command: string;
}

/** `namespace/name` */
export type ResourceId = string;
/** `Kind/namespace/name` */
export type ResourceKey = string;

/** Of all that is read, Secret and ReferenceGrant among it. */
export type Kind = Resource['kind'];
export type ResourceOf<K extends Kind> = Extract<Resource, { kind: K }>;

export type SnapshotChange =
  | { readonly type: 'Set'; readonly resource: Resource }
  | { readonly type: 'Delete'; readonly key: ResourceKey };

export function resourceId(metadata: Pick<ObjectMeta, 'namespace' | 'name'>): ResourceId {
  return `${metadata.namespace}/${metadata.name}`;
}

/** What a reference means, whose namespace is that of the resource it stands in where it names none. */
export function referredId(
  ref: { readonly namespace: string; readonly name: string },
  from: { readonly metadata: Pick<ObjectMeta, 'namespace'> },
): ResourceId {
  return resourceId({ namespace: ref.namespace || from.metadata.namespace, name: ref.name });
}

export function resourceKey({
  kind,
  metadata,
}: {
  readonly kind: Kind;
  readonly metadata: Pick<ObjectMeta, 'namespace' | 'name'>;
}): ResourceKey {
  return `${kind}/${resourceId(metadata)}`;
}

export function applyChange(snapshot: Map<ResourceKey, Resource>, change: SnapshotChange): void {
  switch (change.type) {
    case 'Set':
      snapshot.set(resourceKey(change.resource), change.resource);
      break;
    case 'Delete':
      snapshot.delete(change.key);
  }
}
