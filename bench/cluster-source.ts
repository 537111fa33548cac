import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Json } from '../contract/canonical-json.ts';
import { isKind, kinds } from '../crds/kinds.ts';
import type { KubernetesApi } from '../sync-agent/kubernetes/api.ts';
import { openKubernetesApi } from '../sync-agent/kubernetes/open-kubernetes-api.ts';
import type { Resource } from '../sync-agent/snapshot.ts';
import { startApiServer, type ApiServer } from '../test/support/api-server.ts';
import { largeSnapshot } from '../test/support/large-snapshot.ts';
import { endWithUs, stopChild } from './child-process.ts';
import type { ReaderLine } from './cluster-reader.ts';
import { cpuMicroseconds, peakResidentBytes, residentBytes } from './process-usage.ts';
import { median, percentile } from './statistics.ts';

const megabyte = 2 ** 20;
const settleMs = 3000;
/** Requests at once, of those that fill the cluster. */
const fillers = 24;
const group = '/apis/fairlead.dev/v1alpha1';

export type ClusterSource = {
  resources: number;
  /** From the first request to all resources. */
  openMs: number;
  /** Megabytes resident, when all resources are known, and when each has a status too. */
  opened: number;
  withStatus: number;
  peak: number;
  cpuSeconds: number;
  /** From the answer to a change until the agent knows of it, over 50 changes. */
  changeP50Ms: number;
  changeP99Ms: number;
};

/** Reading 10,000 resources from a real API server, as a pod reads them. @param scale 1 for all of them */
export async function measureClusterSource(scale: number): Promise<ClusterSource> {
  const server = await startApiServer();
  const folder = await mkdtemp(path.join(tmpdir(), 'fairlead-bench-pod-'));
  const api = await openKubernetesApi({ kubeconfig: server.kubeconfig, env: {} });
  try {
    const resources = largeSnapshot(scale);
    await fill(server, api, resources);
    await writeFile(path.join(folder, 'token'), server.token);
    await writeFile(path.join(folder, 'ca.crt'), server.certificateAuthority);
    return await measureReader(server, api, folder, resources);
  } finally {
    await api.close();
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function measureReader(
  server: ApiServer,
  api: KubernetesApi,
  folder: string,
  resources: readonly Resource[],
): Promise<ClusterSource> {
  const { hostname, port } = new URL(server.url);
  const reader = spawn(process.execPath, [path.join(import.meta.dirname, 'cluster-reader.ts'), folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, KUBECONFIG: '', KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port },
  });
  endWithUs(reader);
  const lines = createInterface(reader.stdout)[Symbol.asyncIterator]();
  const next = async (): Promise<ReaderLine> => {
    const { done, value } = await lines.next();
    if (done) throw new Error('the reader ended before it had read everything');
    return JSON.parse(value);
  };
  const pid = reader.pid ?? 0;
  try {
    const open = await next();
    if (open.type !== 'open') throw new Error('the reader told of a change before it was open');
    await sleep(settleMs);
    const opened = await residentBytes(pid);
    const peak = await peakResidentBytes(pid);
    const cpu = await cpuMicroseconds(pid);
    const delays = await measureChanges(api, next);
    await each(resources, (resource) => writeStatus(api, resource));
    await sleep(settleMs);
    return {
      resources: open.resources,
      openMs: open.ms,
      opened: opened / megabyte,
      withStatus: (await residentBytes(pid)) / megabyte,
      peak: peak / megabyte,
      cpuSeconds: cpu / 1e6,
      changeP50Ms: median(delays),
      changeP99Ms: percentile(delays, 99),
    };
  } finally {
    await stopChild(reader);
  }
}

async function measureChanges(api: KubernetesApi, next: () => Promise<ReaderLine>): Promise<number[]> {
  const delays: number[] = [];
  for (let change = 0; change < 50; change += 1) {
    const name = `consumer-${change % 10}`;
    const spec = { team: `changed-${change}` };
    await ask(api, 'PATCH', `${group}/namespaces/team-1/consumers/${name}`, { spec });
    const answered = Date.now();
    for (;;) {
      const line = await next();
      if (line.type !== 'changed' || !line.keys.includes(`Consumer/${name}`)) continue;
      delays.push(Math.max(0, line.at - answered));
      break;
    }
  }
  return delays;
}

async function fill(server: ApiServer, api: KubernetesApi, resources: readonly Resource[]): Promise<void> {
  const manifests = path.join(import.meta.dirname, '../crds/manifests');
  await server.kubectl(['apply', '--server-side', '-f', manifests]);
  await server.kubectl(['wait', '--for=condition=Established', '--timeout=30s', '-f', manifests]);
  const namespaces = new Set(resources.map(({ metadata }) => metadata.namespace));
  for (const name of namespaces) await ask(api, 'POST', '/api/v1/namespaces', { metadata: { name } });
  await each(resources, (resource) => create(api, resource));
}

/** All of them, some at once. */
async function each(resources: readonly Resource[], work: (resource: Resource) => Promise<void>): Promise<void> {
  const queue = resources.values();
  const workOff = async (): Promise<void> => {
    for (const resource of queue) await work(resource);
  };
  await Promise.all(Array.from({ length: fillers }, workOff));
}

async function create(api: KubernetesApi, resource: Resource): Promise<void> {
  const { kind, metadata } = resource;
  const place = isKind(kind) ? `${group}/namespaces/${metadata.namespace}/${kinds[kind].plural}` : undefined;
  await ask(api, 'POST', place ?? `/api/v1/namespaces/${metadata.namespace}/secrets`, plain(resource));
}

async function writeStatus(api: KubernetesApi, { kind, metadata }: Resource): Promise<void> {
  if (!isKind(kind)) return;
  const { namespace, name } = metadata;
  const conditions = ['Accepted', 'ResolvedRefs', 'Programmed'].map((type) => ({
    type,
    status: 'True',
    reason: type,
    message: `${type}: every isolate heard of serves it at revision 3f9a1c22, of ${kind} ${name}.`,
    observedGeneration: 1,
    lastTransitionTime: '2026-11-01T00:00:00Z',
  }));
  const parentRef = { group: 'fairlead.dev', kind: 'EdgeGateway', namespace: 'infra', name: 'edge' };
  const parents = [{ parentRef, controllerName: 'fairlead.dev/sync-agent', conditions }];
  const status = { conditions, ...(kind !== 'EdgeGateway' && { parents }) };
  await ask(api, 'PATCH', `${group}/namespaces/${namespace}/${kinds[kind].plural}/${name}/status`, { status });
}

async function ask(api: KubernetesApi, method: 'POST' | 'PATCH', where: string, body: Json): Promise<void> {
  const { signal } = new AbortController();
  const patch = method === 'PATCH' ? ({ contentType: 'application/merge-patch+json' } as const) : {};
  await api.call({ method, path: where, body, ...patch, query: { fieldManager: 'bench' } }, signal);
}

function plain(resource: Resource): Json {
  return JSON.parse(JSON.stringify(resource));
}
