import type { ResourceKey } from '../../../sync-agent/snapshot.ts';
import type { ClusterObjects, StoredObject } from '../../../sync-agent/source/source.ts';
import { resourceAddress } from '../../../sync-agent/status/kubernetes/resource-path.ts';
import type { FakeKubernetesApi } from './fake-kubernetes-api.ts';

/** What a cache of the API server has, without delay. */
export function clusterObjects(api: FakeKubernetesApi): ClusterObjects {
  return {
    stored: (key: ResourceKey): StoredObject | undefined => {
      const found = api.objects.get(resourceAddress(key)?.path ?? '');
      if (!found) return undefined;
      const { resourceVersion, generation = 1, uid } = found.metadata;
      return {
        uid: typeof uid === 'string' ? uid : key,
        resourceVersion,
        generation,
        status: found['status'],
        isDeleting: false,
      };
    },
    endpoints: () => [],
  };
}

/** Stores a resource, of which only its metadata and status count. */
export function store(api: FakeKubernetesApi, key: ResourceKey, status?: unknown, generation = 1): void {
  const address = resourceAddress(key);
  if (!address) throw new Error(`${key} is not of our group`);
  const { kind, namespace, name, path } = address;
  api.put(path, {
    kind,
    metadata: { namespace, name, generation, uid: `uid-${name}` },
    ...(status !== undefined && { status }),
  });
}
