import { isForbidden, type ApiRequest, type KubernetesApi } from '../../sync-agent/kubernetes/api.ts';

/** Collections that a person may not read, or not whole; as kubectl calls them: `aimodels.fairlead.dev`. */
export interface Unreadable {
  /** Readable in one namespace only. */
  readonly elsewhere: Set<string>;
  /** Not readable at all. */
  readonly entirely: Set<string>;
}

/**
 * An API server as far as a person may read it, whose rights may be smaller than the agent's: a collection that may not
 * be listed is listed in one namespace alone, and where that may not be either, it looks as if it held nothing. What it
 * was is noted. Secrets are left as they are: whether one may be read is the source's affair.
 *
 * @param namespace the one that a person of few rights most likely may read
 */
export function readableApi(api: KubernetesApi, namespace: string, unreadable: Unreadable): KubernetesApi {
  const tryInTurn = async <T>(request: ApiRequest, send: (request: ApiRequest) => Promise<T>, empty: T): Promise<T> => {
    const collection = request.method === 'GET' ? collectionOf(request.path) : undefined;
    if (!collection) return send(request);
    const { name, inNamespace } = collection;
    try {
      return await send(request);
    } catch (error) {
      if (!isForbidden(error)) throw error;
    }
    if (inNamespace !== undefined)
      try {
        const found = await send({ ...request, path: inNamespace(namespace) });
        unreadable.elsewhere.add(name);
        return found;
      } catch (error) {
        if (!isForbidden(error)) throw error;
      }
    unreadable.entirely.add(name);
    return empty;
  };
  return {
    namespace: api.namespace,
    call: (request, signal) => {
      const isCluster = request.path === KUBE_SYSTEM;
      const send = (one: ApiRequest) => api.call(one, signal);
      return isCluster ? send(request).catch(unknownCluster) : tryInTurn(request, send, EMPTY_LIST);
    },
    stream: (request, signal) => tryInTurn(request, (one) => api.stream(one, signal), emptyWatch(signal)),
    close: () => api.close(),
  };
}

const KUBE_SYSTEM = '/api/v1/namespaces/kube-system';

/** Only who publishes needs to know which cluster it is. */
function unknownCluster(error: unknown): unknown {
  if (!isForbidden(error)) throw error;
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'kube-system', uid: 'unknown' } };
}

interface Collection {
  readonly name: string;
  /** Where it stands in one namespace; absent where it does already, or stands in none. */
  readonly inNamespace: ((namespace: string) => string) | undefined;
}

/** @param path such as `/apis/fairlead.dev/v1alpha1/aimodels`, of all namespaces or of one */
function collectionOf(path: string): Collection | undefined {
  const found = /^(\/api\/v1|\/apis\/([^/]+)\/[^/]+)(\/namespaces\/[^/]+)?\/([a-z]+)$/.exec(path);
  const [, root = '', group, scope, plural = ''] = found ?? [];
  if (!found || plural === 'secrets') return undefined;
  const canBeNarrowed = scope === undefined && plural !== 'namespaces';
  return {
    name: group === undefined ? plural : `${plural}.${group}`,
    inNamespace: canBeNarrowed ? (namespace) => `${root}/namespaces/${namespace}/${plural}` : undefined,
  };
}

const EMPTY_LIST = { metadata: { resourceVersion: '0' }, items: [] };

/** What a watch of nothing says: that there is nothing, and then no more until the signal ends it. */
async function* emptyWatch(signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const metadata = { resourceVersion: '0', annotations: { 'k8s.io/initial-events-end': 'true' } };
  yield new TextEncoder().encode(`${JSON.stringify({ type: 'BOOKMARK', object: { metadata } })}\n`);
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
