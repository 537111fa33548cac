import { z } from 'zod';
import type { Json } from '../../contract/canonical-json.ts';
import { forEachBounded } from '../../sync-agent/for-each-bounded.ts';
import { openKubernetesApi } from '../../sync-agent/kubernetes/open-kubernetes-api.ts';
import type { ApiServer } from './api-server.ts';

export interface ApiObjects {
  /** As `kubectl apply --server-side --force-conflicts` does, and many times faster. */
  apply(...objects: readonly object[]): Promise<void>;
  close(): Promise<void>;
}

const appliedObject = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({ name: z.string(), namespace: z.string().optional() }),
});

const resourceList = z.object({
  resources: z.array(z.object({ name: z.string(), kind: z.string(), namespaced: z.boolean() })),
});

const PARALLEL_CALLS = 8;

const never = new AbortController().signal;

/** Objects of an API server, for tests that are not about kubectl: a process for each would take most of their time. */
export async function apiObjects(server: ApiServer): Promise<ApiObjects> {
  const api = await openKubernetesApi({ kubeconfig: server.kubeconfig, env: {} });
  const places = new Map<string, { readonly plural: string; readonly isNamespaced: boolean }>();
  const pathOf = async ({ apiVersion, kind, metadata }: z.output<typeof appliedObject>): Promise<string> => {
    const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    const known = `${apiVersion} ${kind}`;
    if (!places.has(known)) {
      const { resources } = resourceList.parse(await api.call({ method: 'GET', path: root }, never));
      const found = resources.find((resource) => resource.kind === kind && !resource.name.includes('/'));
      if (!found) throw new Error(`${kind} of ${apiVersion} is not served`);
      places.set(known, { plural: found.name, isNamespaced: found.namespaced });
    }
    const { plural = '', isNamespaced = false } = places.get(known) ?? {};
    const scope = isNamespaced ? `/namespaces/${metadata.namespace ?? 'default'}` : '';
    return `${root}${scope}/${plural}/${metadata.name}`;
  };
  const applyOne = async (object: object): Promise<void> => {
    const path = await pathOf(appliedObject.parse(object));
    const body: Json = z.json().parse(object);
    const query = { fieldManager: 'test', force: true };
    await api.call({ method: 'PATCH', path, query, contentType: 'application/apply-patch+yaml', body }, never);
  };
  return {
    apply: async (...objects) => {
      await forEachBounded(objects, PARALLEL_CALLS, applyOne);
    },
    close: () => api.close(),
  };
}
