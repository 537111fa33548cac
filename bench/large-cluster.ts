import { z } from 'zod';
import { startEdge } from '../dev/edge.ts';
import { systemClock } from '../sync-agent/clock.ts';
import { forEachBounded } from '../sync-agent/for-each-bounded.ts';
import type { KubernetesApi } from '../sync-agent/kubernetes/api.ts';
import { openKubernetesApi } from '../sync-agent/kubernetes/open-kubernetes-api.ts';
import type { Resource } from '../sync-agent/snapshot.ts';
import { startApiServer } from '../test/support/api-server.ts';
import { installCharts } from '../test/support/chart.ts';
import { deployedPods } from '../test/support/deployed-pods.ts';
import { largeEdge } from './large-edge.ts';
import { cpuMicroseconds, peakResidentBytes, residentBytes } from './process-usage.ts';

export type LargeCluster = {
  resources: number;
  /** From the start of the process to the revision that is served, in milliseconds. */
  firstServedMs: number;
  /** From there until the status of every resource is written. */
  statusMs: number;
  /** Megabytes resident then, and the most ever. */
  residentMB: number;
  peakMB: number;
  cpuSeconds: number;
  /** One change after the other: from the answer to its PATCH to `served`, in milliseconds. */
  changes: readonly number[];
};

const PARALLEL = 16;
const PATIENCE_MS = 240_000;
const NEVER = new AbortController().signal;

/**
 * A whole agent on a real API server that holds 10,000 resources, as the chart's Deployment runs it: its image's bundle,
 * its account's rights. Its edge is another process.
 */
export async function measureLargeCluster(
  changeCount: number,
  progress: (line: string) => void,
): Promise<LargeCluster> {
  const large = await largeEdge();
  const [edge, server] = await Promise.all([startEdge({ port: 0, vars: large.vars }), startApiServer()]);
  try {
    const api = await openKubernetesApi({ env: {}, kubeconfig: server.kubeconfig });
    const resources = large.resources(edge.url);
    await makeNamespaces(api, resources);
    await installCharts(server, { credentials: credentialsOf(resources) });
    progress(`large-cluster: writing ${resources.length} resources`);
    await writeAll(api, resources);
    const pods = await deployedPods(server);
    progress('large-cluster: the agent starts');
    const started = performance.now();
    const agent = await pods.start();
    try {
      await agent.lines.next('a served revision', ({ message }) => message === 'served', PATIENCE_MS);
      const served = performance.now();
      await untilWritten(api);
      const statusMs = performance.now() - served;
      const [resident, peak, cpu] = await Promise.all([
        residentBytes(agent.pid),
        peakResidentBytes(agent.pid),
        cpuMicroseconds(agent.pid),
      ]);
      const changes: number[] = [];
      for (let change = 0; change < changeCount; change++) {
        await relabelTeam(api, resources, change);
        const sent = performance.now();
        await agent.lines.next('the change', ({ message }) => message === 'served', PATIENCE_MS);
        changes.push(performance.now() - sent);
      }
      return {
        resources: resources.length,
        firstServedMs: served - started,
        statusMs,
        residentMB: resident / 2 ** 20,
        peakMB: peak / 2 ** 20,
        cpuSeconds: cpu / 1e6,
        changes,
      };
    } finally {
      await pods.stop();
      await api.close();
    }
  } finally {
    await Promise.all([edge.dispose(), server.stop()]);
  }
}

async function makeNamespaces(api: KubernetesApi, resources: readonly Resource[]): Promise<void> {
  const namespaces = new Set(resources.map(({ metadata }) => metadata.namespace));
  namespaces.delete('default');
  for (const name of namespaces) {
    const body = { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
    await api.call({ method: 'POST', path: '/api/v1/namespaces', body }, NEVER);
  }
}

/** The chart's value: every Secret by its name. */
function credentialsOf(resources: readonly Resource[]): { readonly namespace: string; readonly names: string[] }[] {
  const byNamespace = new Map<string, string[]>();
  for (const { kind, metadata } of resources)
    if (kind === 'Secret')
      byNamespace.set(metadata.namespace, [...(byNamespace.get(metadata.namespace) ?? []), metadata.name]);
  return [...byNamespace].map(([namespace, names]) => ({ namespace, names }));
}

async function writeAll(api: KubernetesApi, resources: readonly Resource[]): Promise<void> {
  await forEachBounded(resources, PARALLEL, async (resource) => {
    const { creationTimestamp: _, ...metadata } = resource.metadata as Record<string, unknown>;
    const body = JSON.parse(JSON.stringify({ ...resource, metadata }));
    await api.call({ method: 'POST', path: collectionOf(resource), body }, NEVER);
  });
}

function collectionOf({ kind, metadata }: Resource): string {
  const { namespace } = metadata;
  if (kind === 'Secret') return `/api/v1/namespaces/${namespace}/secrets`;
  return `/apis/fairlead.dev/v1alpha1/namespaces/${namespace}/${kind.toLowerCase()}s`;
}

/** Waits until every consumer and route has been told that it is programmed. */
async function untilWritten(api: KubernetesApi): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  for (const plural of ['gatewayroutes', 'consumers'])
    while ((await unprogrammed(api, plural)) > 0) {
      if (performance.now() > end) throw new Error(`no status of some ${plural}`);
      await systemClock.wait(250, NEVER);
    }
}

const list = z.object({ items: z.array(z.json()) });

async function unprogrammed(api: KubernetesApi, plural: string): Promise<number> {
  const answer = await api.call({ method: 'GET', path: `/apis/fairlead.dev/v1alpha1/${plural}` }, NEVER);
  return list.parse(answer).items.filter((item) => !JSON.stringify(item).includes('"reason":"Programmed"')).length;
}

/** A consumer moves to another team. */
async function relabelTeam(api: KubernetesApi, resources: readonly Resource[], change: number): Promise<void> {
  const consumers = resources.filter(({ kind }) => kind === 'Consumer');
  const consumer = consumers[(change * 97) % consumers.length];
  if (!consumer) throw new Error('there are consumers');
  await api.call(
    {
      method: 'PATCH',
      path: `${collectionOf(consumer)}/${consumer.metadata.name}`,
      contentType: 'application/merge-patch+json',
      body: { spec: { team: `moved-${change}` } },
    },
    NEVER,
  );
}
