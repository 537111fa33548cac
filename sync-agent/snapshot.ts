import type { ObjectMeta } from '../crds/object-meta.ts';
import type { Resource } from '../crds/parse-resource.ts';

/** What is compiled; parsed by its schema (crds/parse-resource.ts). A snapshot is a map of them by key. */
export type { Resource };

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
  from: Pick<Resource, 'metadata'>,
): ResourceId {
  return resourceId({ namespace: ref.namespace || from.metadata.namespace, name: ref.name });
}

export function resourceKey({ kind, metadata }: Pick<Resource, 'kind' | 'metadata'>): ResourceKey {
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
