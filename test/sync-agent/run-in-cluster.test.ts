import { afterEach, describe, expect, test } from 'vitest';
import { monotonicNow, systemClock } from '../../sync-agent/clock.ts';
import { ApiFailure } from '../../sync-agent/kubernetes/api.ts';
import type { ElectionTiming } from '../../sync-agent/leader/election.ts';
import { leaseBody } from '../../sync-agent/leader/lease.ts';
import { EXIT, runAgent } from '../../sync-agent/run-agent.ts';
import { resourceKey } from '../../sync-agent/snapshot.ts';
import type { ResourceSource } from '../../sync-agent/source/source.ts';
import { resourceAddress } from '../../sync-agent/status/kubernetes/resource-path.ts';
import { clusterObjects, store } from './support/cluster-objects.ts';
import { fakeEdge, heldRoutes } from './support/edge-bench.ts';
import { FakeKubernetesApi } from './support/fake-kubernetes-api.ts';
import { MemorySource, smallTable } from './support/local-resources.ts';

/** Soon at the Lease, and in no hurry to lose it: the machine may be busy. */
const FAST: ElectionTiming = { leaseMs: 30_000, renewDeadlineMs: 20_000, retryMs: 20 };
const LEASE = { namespace: 'fairlead-system', name: 'fairlead-sync-agent' };
const LEASE_PATH = `/apis/coordination.k8s.io/v1/namespaces/${LEASE.namespace}/leases/${LEASE.name}`;
const GATEWAY_PATH = resourceAddress('EdgeGateway/ai/edge')!.path;

const running = new Set<AbortController>();
afterEach(() => {
  for (const stopping of running) stopping.abort(new Error('the test is over'));
  running.clear();
});

/** A cluster with a small table, and its edge. */
function cluster() {
  const api = new FakeKubernetesApi();
  const table = smallTable();
  for (const resource of table) if (resourceAddress(resourceKey(resource))) store(api, resourceKey(resource));
  return { api, table, edge: fakeEdge({ now: Date.now }), isReadable: Promise.resolve() };
}

/** A process of the agent in that cluster. */
function startProcess({ api, table, edge, isReadable }: ReturnType<typeof cluster>, ...args: string[]) {
  const memory = new MemorySource(table);
  const source: ResourceSource = {
    open: async (onChange, signal) => {
      await isReadable;
      return { ...(await memory.open(onChange, signal)), cluster: clusterObjects(api) };
    },
  };
  const stopping = new AbortController();
  running.add(stopping);
  const lines: Record<string, unknown>[] = [];
  const ended = runAgent({
    args: ['--log-level', 'debug', ...args],
    env: { KUBERNETES_SERVICE_HOST: '10.0.0.1', POD_NAME: 'pod' },
    out: (line) => lines.push(JSON.parse(line)),
    err: () => undefined,
    signal: stopping.signal,
    doors: {
      openApi: async () => api,
      createSource: () => source,
      fetch: edge.fetch,
      clock: systemClock,
      monotonicNow,
      random: Math.random,
      timing: FAST,
    },
  });
  const said = async (message: string) => {
    await expect.poll(() => lines.find((line) => line['message'] === message)).toBeDefined();
  };
  return { ended, lines, said, memory, stop: () => stopping.abort(new Error('SIGTERM')) };
}

const statusOf = (api: FakeKubernetesApi, path: string) => api.objects.get(path)?.['status'];
const holder = (api: FakeKubernetesApi) => api.objects.get(LEASE_PATH)?.['spec'];

describe('an agent in a cluster', () => {
  test('leads, publishes, writes status, and gives the Lease back when it is stopped', async () => {
    const world = cluster();
    const { ended, stop } = startProcess(world);
    await expect
      .poll(() => statusOf(world.api, GATEWAY_PATH))
      .toMatchObject({
        conditions: [{ type: 'Accepted' }, { type: 'ResolvedRefs' }, { type: 'Programmed', status: 'True' }],
        published: { generation: { term: 1, sequence: 1 } },
        attached: { routes: 1, models: 1, providers: 1, consumers: 1 },
      });
    expect(Object.keys(heldRoutes(world.edge))).toEqual(['ai/chat']);
    expect(holder(world.api)).toMatchObject({ holderIdentity: expect.stringMatching(/^pod_[0-9a-f]{12}$/) });
    stop();
    expect(await ended).toBe(EXIT.stopped);
    expect(holder(world.api)).toMatchObject({ holderIdentity: '' });
  });

  test('that stands by does nothing but read along, and goes on where the leader ended', async () => {
    const world = cluster();
    const first = startProcess(world);
    await first.said('served');
    const second = startProcess(world);
    await second.said('the cluster has been read: standing by');
    const writes = world.api.of('PATCH').length;
    first.stop();
    await first.ended;
    await second.said('leading');
    await expect.poll(() => world.edge.term).toBe(2);
    await second.said('served');
    expect(world.api.of('PATCH')).toHaveLength(writes);
    second.stop();
    expect(await second.ended).toBe(EXIT.stopped);
  });

  test('ends where another holds the Lease, so that it begins anew', async () => {
    const world = cluster();
    const { ended, said } = startProcess(world);
    await said('served');
    const record = {
      holder: 'other',
      durationSeconds: 15,
      acquiredAt: undefined,
      renewedAt: undefined,
      transitions: 9,
    };
    world.api.put(LEASE_PATH, JSON.parse(JSON.stringify(leaseBody(LEASE, record))));
    expect(await ended).toBe(EXIT.lostLease);
    expect(holder(world.api)).toMatchObject({ holderIdentity: 'other' });
  });

  test('goes on above the generation that status knows, where the edge has forgotten everything', async () => {
    const world = cluster();
    const published = { revision: 'old', generation: { term: 7, sequence: 3 }, time: '2026-11-01T00:00:00Z' };
    store(world.api, 'EdgeGateway/ai/edge', { published });
    const { said, ended, stop } = startProcess(world);
    await said('served');
    expect(world.edge.current?.pointer.generation).toEqual({ term: 8, sequence: 1 });
    stop();
    await ended;
  });

  test('says that its edge is dead, and recovers without anybody', async () => {
    const world = cluster();
    world.edge.mishap = () => new Response('down', { status: 503 });
    const { ended, stop } = startProcess(world);
    await expect
      .poll(() => statusOf(world.api, GATEWAY_PATH), { timeout: 15_000 })
      .toMatchObject({
        lastError: { message: expect.stringContaining('https://edge.test') },
        conditions: [{}, {}, { type: 'Programmed', status: 'False', reason: 'PublishFailed' }],
      });
    world.edge.mishap = () => undefined;
    await expect
      .poll(() => statusOf(world.api, GATEWAY_PATH), { timeout: 15_000 })
      .toMatchObject({ conditions: [{}, {}, { type: 'Programmed', status: 'True' }] });
    expect(statusOf(world.api, GATEWAY_PATH)).not.toHaveProperty('lastError');
    stop();
    expect(await ended).toBe(EXIT.stopped);
  });

  test('lets the status write that is under way end before it gives the Lease back', async () => {
    const world = cluster();
    const begun = Promise.withResolvers<void>();
    const go = Promise.withResolvers<void>();
    world.api.mishap = ({ path }) => {
      if (!path.endsWith('/edge/status')) return undefined;
      begun.resolve();
      return go.promise;
    };
    const { ended, stop } = startProcess(world);
    await begun.promise;
    stop();
    expect(holder(world.api)).not.toMatchObject({ holderIdentity: '' });
    go.resolve();
    expect(await ended).toBe(EXIT.stopped);
    expect(statusOf(world.api, GATEWAY_PATH)).toBeDefined();
    expect(holder(world.api)).toMatchObject({ holderIdentity: '' });
  });

  test('is healthy at once, and ready once the cluster has been read, also while another leads', async () => {
    const world = cluster();
    const first = startProcess(world);
    await first.said('leading');
    const readable = Promise.withResolvers<void>();
    const { lines, said, stop, ended } = startProcess(
      { ...world, isReadable: readable.promise },
      '--http-address',
      '127.0.0.1:0',
    );
    await said('listening');
    const port = lines.find(({ message }) => message === 'listening')?.['port'];
    const ask = async (path: string) => (await fetch(`http://127.0.0.1:${String(port)}${path}`)).status;
    expect([await ask('/healthz'), await ask('/readyz')]).toEqual([200, 503]);
    readable.resolve();
    await expect.poll(() => ask('/readyz')).toBe(200);
    const metrics = await (await fetch(`http://127.0.0.1:${String(port)}/metrics`)).text();
    expect(metrics).toContain('leader_election_master_status{name="fairlead-sync-agent"} 0');
    expect(metrics).toContain('nodejs_heap_size_used_bytes');
    first.stop();
    stop();
    expect([await first.ended, await ended]).toEqual([EXIT.stopped, EXIT.stopped]);
  });

  test('says that the API server is away, and waits', async () => {
    const world = cluster();
    world.api.mishap = () => new ApiFailure('the API server cannot be reached', { status: 0 });
    const { said, stop, ended } = startProcess(world);
    await said('waiting: the API server cannot be reached');
    stop();
    expect(await ended).toBe(EXIT.stopped);
  });

  test('says what is wrong where the API server refuses it the Lease, and waits', async () => {
    const world = cluster();
    world.api.mishap = ({ path }) =>
      path.includes('/leases')
        ? new ApiFailure('leases is forbidden', { status: 403, reason: 'Forbidden' })
        : undefined;
    const { lines, said, stop, ended } = startProcess(world);
    await said('the Lease cannot be read or written');
    expect(lines.filter(({ message }) => message === 'the Lease cannot be read or written')).toMatchObject([
      { reason: 'leases is forbidden' },
    ]);
    stop();
    expect(await ended).toBe(EXIT.stopped);
  });
});
