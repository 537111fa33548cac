import type { ApiRequest, KubernetesApi } from '../../sync-agent/kubernetes/api.ts';
import type { ClusterDoors } from '../../sync-agent/run-in-cluster.ts';
import { CLUSTER_DOORS } from '../../sync-agent/run-in-cluster.ts';
import type { DeathPoint } from './interrupted-fetch.ts';

export interface InterruptedAgent {
  /** Through which nothing comes any more once it has died. */
  readonly doors: Pick<ClusterDoors, 'fetch' | 'openApi'>;
  /** Resolves when it has died. */
  readonly died: Promise<void>;
  /** The calls that were made to edge and API server, as `PUT pointer` and `PATCH aimodels/status`. */
  readonly calls: readonly string[];
  /** What the dead agent still waits for fails, so that the test can clear it away. */
  bury(): void;
}

/**
 * Doors of an agent that dies at the first call of a name: with the request unsent, or carried out and its answer
 * unheard. From then on nothing leaves it and nothing comes back.
 */
export function interruptedAgent(name: string, point: DeathPoint): InterruptedAgent {
  const calls: string[] = [];
  const death = Promise.withResolvers<void>();
  const grave = Promise.withResolvers<never>();
  grave.promise.catch(() => undefined);
  let isDead = false;
  const die = (): Promise<never> => {
    isDead = true;
    death.resolve();
    return grave.promise;
  };
  const carryOut = async <T>(call: string, send: () => Promise<T>): Promise<T> => {
    if (isDead) return grave.promise;
    calls.push(call);
    if (call !== name) {
      const answer = await send();
      return isDead ? grave.promise : answer;
    }
    // What the answer would have been is all the same to the dead.
    if (point === 'after') await send().catch(() => undefined);
    return die();
  };
  const through = (api: KubernetesApi): KubernetesApi => ({
    namespace: api.namespace,
    call: (request, signal) => carryOut(nameOfCall(request), () => api.call(request, signal)),
    // What is watched is seen all at once or not: it is no step of anything.
    stream: (request, signal) => (isDead ? grave.promise : api.stream(request, signal)),
    close: () => api.close(),
  });
  return {
    doors: {
      fetch: async (input, init) => {
        const request = new Request(input, init);
        return carryOut(nameOfRequest(request), () => fetch(request));
      },
      openApi: async (options) => through(await CLUSTER_DOORS.openApi(options)),
    },
    died: death.promise,
    calls,
    bury: () => grave.reject(new Error('the agent is dead')),
  };
}

/** `PUT blobs`: without whatever differs from one time to the next. */
function nameOfRequest({ method, url }: Request): string {
  const path = new URL(url).pathname.replace(/^\/fairlead\/v1\/(clusters\/[^/]+\/)?/, '');
  return `${method} ${path.replace(/\/.*/, '')}`;
}

/** `PATCH aimodels/status`, without namespace and name. */
export function nameOfCall({ method, path }: ApiRequest): string {
  const [, rest = ''] = /^\/(?:api\/v1|apis\/[^/]+\/[^/]+)\/(.+)$/.exec(path) ?? [];
  if (rest === '') return `${method} discovery`;
  const [kind = '', , part] = rest.replace(/^namespaces\/[^/]+\/(?=.)/, '').split('/');
  return `${method} ${part === undefined ? kind : `${kind}/${part}`}`;
}
