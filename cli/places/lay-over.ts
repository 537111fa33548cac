import type { Resource as StoredResource } from '../../crds/parse-resource.ts';
import { resourceKey, type Resource } from '../../sync-agent/snapshot.ts';

/**
 * What a cluster would hold after `kubectl apply` of a folder: what the folder says in place of what the cluster has,
 * and everything else of the cluster. An object keeps its age, and labels and annotations that others gave it.
 *
 * @param now RFC 3339: when what is new would be created
 */
export function layOver(
  folder: readonly StoredResource[],
  cluster: readonly Resource[],
  now: string,
): readonly Resource[] {
  const held = new Map(cluster.map((resource) => [resourceKey(resource), resource]));
  for (const resource of folder) {
    const key = resourceKey(resource);
    held.delete(`Denied${key}`);
    held.set(key, applied(resource, held.get(key), now));
  }
  return [...held.values()];
}

function applied(resource: StoredResource, before: Resource | undefined, now: string): Resource {
  const { metadata } = resource;
  if (!before || !('annotations' in before.metadata))
    return { ...resource, metadata: { ...metadata, creationTimestamp: now } };
  const { uid, creationTimestamp, labels, annotations } = before.metadata;
  return {
    ...resource,
    metadata: {
      ...metadata,
      creationTimestamp,
      ...(uid !== undefined && { uid }),
      labels: { ...labels, ...metadata.labels },
      annotations: { ...annotations, ...metadata.annotations },
    },
  };
}
