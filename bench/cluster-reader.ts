import '../sync-agent/spare-memory.ts';
import { openKubernetesApi } from '../sync-agent/kubernetes/open-kubernetes-api.ts';
import { silentLogger } from '../sync-agent/log.ts';
import { applyChange, type Resource, type ResourceKey } from '../sync-agent/snapshot.ts';
import { createKubernetesSource } from '../sync-agent/source/kubernetes/cluster-source.ts';
import { Wake } from '../sync-agent/wake.ts';
import { systemClock } from '../sync-agent/clock.ts';

/**
 * What the agent has of a cluster, in a process of its own: `node bench/cluster-reader.ts FOLDER` reads it as a pod
 * would, whose service account has its files in that folder. It tells in JSON lines what it knows, and when.
 */

export type ReaderLine =
  | { readonly type: 'open'; readonly ms: number; readonly resources: number }
  | { readonly type: 'changed'; readonly keys: readonly ResourceKey[]; readonly at: number };

function tell(line: ReaderLine): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

async function read(folder: string): Promise<void> {
  const wake = new Wake();
  const { signal } = new AbortController();
  const api = await openKubernetesApi({ env: process.env, serviceAccountFolder: folder });
  const began = performance.now();
  const serviceAccount = { namespace: 'fairlead', name: 'agent' };
  const source = createKubernetesSource({ api, serviceAccount, logger: silentLogger });
  const open = await source.open(() => wake.ring(), signal);
  const snapshot = new Map<ResourceKey, Resource>();
  for (let isFirst = true; ; isFirst = false) {
    const { changes } = await open.observe();
    for (const change of changes) applyChange(snapshot, change);
    if (isFirst) tell({ type: 'open', ms: performance.now() - began, resources: snapshot.size });
    const keys = changes.flatMap((change) =>
      change.type === 'Set' ? [`${change.resource.kind}/${change.resource.metadata.name}`] : [],
    );
    if (!isFirst && keys.length > 0) tell({ type: 'changed', keys, at: Date.now() });
    await wake.sleep(3_600_000, systemClock, signal);
  }
}

await read(process.argv[2] ?? '');
