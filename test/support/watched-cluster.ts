import { openKubernetesApi } from '../../sync-agent/kubernetes/open-kubernetes-api.ts';
import { silentLogger } from '../../sync-agent/log.ts';
import { applyChange, resourceKey, type Resource, type ResourceKey } from '../../sync-agent/snapshot.ts';
import {
  createKubernetesSource,
  type KubernetesSourceOptions,
} from '../../sync-agent/source/kubernetes/cluster-source.ts';
import { withDeadline } from '../../sync-agent/publish/deadline.ts';
import type { ClusterObjects, OpenSource, Problem } from '../../sync-agent/source/source.ts';
import { Wake } from '../../sync-agent/wake.ts';
import { systemClock } from '../../sync-agent/clock.ts';

/** A cluster as the agent reads it. */
export interface WatchedCluster {
  readonly source: OpenSource;
  readonly cluster: ClusterObjects;
  /** As the compiler has it. */
  readonly snapshot: ReadonlyMap<ResourceKey, Resource>;
  /** All changes so far, as `Set Kind/namespace/name`. */
  readonly changes: readonly string[];
  readonly problems: () => readonly Problem[];
  /** Reads what has changed until it is so. @throws after 20 s, naming what is known */
  until(what: string, isSo: () => boolean): Promise<void>;
  stop(): Promise<void>;
}

export interface WatchOptions extends Partial<Omit<KubernetesSourceOptions, 'api'>> {
  readonly kubeconfig: string;
}

const PATIENCE_MS = 20_000;

export async function watchCluster({ kubeconfig, ...options }: WatchOptions): Promise<WatchedCluster> {
  const api = await openKubernetesApi({ kubeconfig, env: {} });
  const wake = new Wake();
  const stopping = new AbortController();
  const serviceAccount = { namespace: 'fairlead', name: 'agent' };
  const watched = createKubernetesSource({ api, serviceAccount, logger: silentLogger, ...options });
  const open = (signal: AbortSignal) => watched.open(() => wake.ring(), signal);
  // By our own clock: one that runs a hundred times faster would leave a server that is busy no time at all.
  const source = await withDeadline(open, PATIENCE_MS, systemClock, stopping.signal);
  const snapshot = new Map<ResourceKey, Resource>();
  const changes: string[] = [];
  let problems: readonly Problem[] = [];
  const observe = async (): Promise<void> => {
    const observed = await source.observe();
    problems = observed.problems;
    for (const change of observed.changes) {
      applyChange(snapshot, change);
      changes.push(change.type === 'Delete' ? `Delete ${change.key}` : `Set ${resourceKey(change.resource)}`);
    }
  };
  await observe();
  if (!source.cluster) throw new Error('a cluster knows its objects');
  return {
    source,
    cluster: source.cluster,
    snapshot,
    changes,
    problems: () => problems,
    until: async (what, isSo) => {
      const end = Date.now() + PATIENCE_MS;
      for (await observe(); !isSo(); await observe()) {
        const left = end - Date.now();
        const known = () => JSON.stringify({ snapshot: [...snapshot.keys()], problems }, null, 1);
        if (left <= 0) throw new Error(`waited in vain until ${what}; known is ${known()}`);
        await wake.sleep(Math.min(left, 500), systemClock, stopping.signal);
      }
    },
    stop: async () => {
      await source.close();
      await api.close();
    },
  };
}
