import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { systemClock } from '../../sync-agent/clock.ts';
import type { Condition, RoutedService } from '../../sync-agent/compile/compilation.ts';
import type { KubernetesApi } from '../../sync-agent/kubernetes/api.ts';
import { openKubernetesApi } from '../../sync-agent/kubernetes/open-kubernetes-api.ts';
import { jsonLogger } from '../../sync-agent/json-log.ts';
import { silentLogger } from '../../sync-agent/log.ts';
import type { ResourceKey } from '../../sync-agent/snapshot.ts';
import { createKubernetesSource } from '../../sync-agent/source/kubernetes/cluster-source.ts';
import type { ClusterObjects } from '../../sync-agent/source/source.ts';
import { EdgeFinalizers } from '../../sync-agent/status/kubernetes/edge-finalizers.ts';
import { EventRecorder } from '../../sync-agent/status/kubernetes/event-recorder.ts';
import { KubernetesStatus } from '../../sync-agent/status/kubernetes/kubernetes-status.ts';
import type { AgentEvent } from '../../sync-agent/status/status-sink.ts';
import { isApiServerMissing } from '../envtest/programs.ts';
import { startApiServer, type ApiServer } from '../support/api-server.ts';
import { consumer, gateway, model } from '../sync-agent/support/local-resources.ts';

const MANIFESTS = new URL('../../crds/manifests/', import.meta.url).pathname;
const accepted: Condition = { type: 'Accepted', status: 'True', reason: 'Accepted', message: 'sound' };
const conflicted: Condition = { type: 'Accepted', status: 'False', reason: 'Conflicted', message: 'another is older' };
const served: Condition = { type: 'Programmed', status: 'True', reason: 'Programmed', message: 'served' };
const pending: Condition = { type: 'Programmed', status: 'False', reason: 'Pending', message: 'not yet' };
const silent = { depth: () => undefined, added: () => undefined, retried: () => undefined, worked: () => undefined };

describe.skipIf(isApiServerMissing())('status at a real API server', () => {
  let server: ApiServer;
  let api: KubernetesApi;
  const closing: (() => Promise<void>)[] = [];
  let namespaces = 0;

  beforeAll(async () => {
    server = await startApiServer();
    await server.kubectl(['apply', '--server-side', '-f', MANIFESTS]);
    await server.kubectl(['wait', '--for=condition=Established', '--timeout=30s', '-f', MANIFESTS]);
    api = await openKubernetesApi({ kubeconfig: server.kubeconfig, env: {} });
  });
  afterEach(async () => {
    for (const close of closing.splice(0).toReversed()) await close();
  });
  afterAll(async () => {
    await api?.close();
    await server?.stop();
  });

  /** A namespace with a Consumer, an AIModel and an EdgeGateway, watched, and one who writes their status. */
  async function office(more: { cluster?: (watched: ClusterObjects) => ClusterObjects } = {}) {
    const namespace = `status-${namespaces++}`;
    await server.kubectl(['create', 'namespace', namespace]);
    const objects = [consumer('ann', 'a'), model('small'), gateway('edge')].map((resource) => ({
      ...resource,
      metadata: { name: resource.metadata.name, namespace },
    }));
    for (const object of objects) await server.kubectl(['create', '-f', '-'], JSON.stringify(object));
    const source = createKubernetesSource({
      api,
      namespaces: [namespace],
      serviceAccount: { namespace: 'fairlead-system', name: 'fairlead' },
      logger: silentLogger,
    });
    const open = await source.open(() => undefined, new AbortController().signal);
    closing.push(() => open.close());
    const { cluster } = open;
    if (!cluster) throw new Error('a cluster has objects');
    const logged: string[] = [];
    const logger = jsonLogger((line) => logged.push(line), systemClock, 'info');
    const events = new EventRecorder({ api, instance: 'pod-1', clock: systemClock, random: Math.random, logger });
    const status = new KubernetesStatus({
      api,
      cluster: more.cluster?.(cluster) ?? cluster,
      isLeading: () => true,
      events,
      clock: systemClock,
      random: Math.random,
      logger,
      observer: silent,
    });
    void status.run();
    closing.push(() => status.stop(1_000));
    closing.push(() => events.stop());
    const keys = {
      consumer: `Consumer/${namespace}/ann`,
      model: `AIModel/${namespace}/small`,
      gateway: `EdgeGateway/${namespace}/edge`,
    };
    const edge = `${namespace}/edge`;
    const report = (...events: AgentEvent[]) => {
      for (const event of events) status.report(event);
    };
    const begin = (...conditions: Condition[]) =>
      report({ type: 'edges', edges: new Set([edge]), unattached: new Map() }, compiled(edge, keys, conditions));
    return { namespace, edge, keys, report, begin, status, logged, cluster };
  }

  async function get(key: ResourceKey): Promise<z.output<typeof object>> {
    const [kind = '', namespace = '', name = ''] = key.split('/');
    return object.parse(
      JSON.parse(
        await server.kubectl(['get', kind.toLowerCase(), '-n', namespace, name, '-o', 'json', '--show-managed-fields']),
      ),
    );
  }
  const statusOf = async (key: ResourceKey) => (await get(key)).status;
  const patchStatus = (key: ResourceKey, status: object) => {
    const [kind = '', namespace = '', name = ''] = key.split('/');
    const patch = JSON.stringify({ status });
    return server.kubectl([
      'patch',
      kind.toLowerCase(),
      '-n',
      namespace,
      name,
      '--subresource=status',
      '--type=merge',
      '-p',
      patch,
    ]);
  };

  test('is written as the schemas have it, so that kubectl waits for it', async () => {
    const { namespace, edge, keys, report, begin } = await office();
    begin(accepted);
    report(programmed(edge, keys, served));
    report({
      type: 'observed',
      edge,
      observation: {
        published: { revision: '0123456789ab', generation: { term: 3, sequence: 4 }, time: '2026-11-01T00:00:00.000Z' },
        served: { revision: '0123456789ab', generation: { term: 3, sequence: 4 } },
        isolates: [{ revision: '0123456789ab', count: 2 }],
        propagationSeconds: 0.25,
        lastError: { time: '2026-11-01T00:00:00.000Z', message: 'the edge was away' },
      },
    });
    for (const kind of ['consumer/ann', 'aimodel/small', 'edgegateway/edge'])
      await server.kubectl(['wait', '-n', namespace, kind, '--for=condition=Programmed', '--timeout=20s']);
    await expect
      .poll(() => statusOf(keys.gateway), { timeout: 20_000 })
      .toMatchObject({
        published: { generation: { term: 3, sequence: 4 } },
        propagationSeconds: 0.25,
        attached: { consumers: 1 },
        lastError: { message: 'the edge was away' },
      });
    expect(await statusOf(keys.model)).toMatchObject({
      deploymentStatus: 'Ready',
      availableReplicas: 1,
      services: [{ name: 'llama', accelerator: 'nvidia.com/gpu', acceleratorsPerReplica: 2 }],
      parents: [{ parentRef: { kind: 'EdgeGateway', name: 'edge' }, controllerName: 'fairlead.dev/sync-agent' }],
    });
  });

  test('leaves the conditions of other controllers alone, and does not write because of them', async () => {
    const { edge, keys, report, begin } = await office();
    const theirs = {
      type: 'example.com/Audited',
      status: 'True',
      reason: 'Audited',
      message: '',
      lastTransitionTime: '2026-11-01T00:00:00Z',
    };
    await patchStatus(keys.consumer, { conditions: [theirs] });
    begin(accepted);
    report(programmed(edge, keys, served));
    await expect
      .poll(async () => typesOf(await statusOf(keys.consumer)), { timeout: 20_000 })
      .toEqual(['Accepted', 'Programmed', 'example.com/Audited']);
    const { metadata } = await get(keys.consumer);
    report(compiled(edge, keys, [accepted]), programmed(edge, keys, { ...served, message: 'served again' }));
    await expect
      .poll(async () => JSON.stringify(await statusOf(keys.model)), { timeout: 20_000 })
      .toContain('served again');
    const after = await get(keys.consumer);
    expect(typesOf(after.status)).toContain('example.com/Audited');
    expect(after.metadata.managedFields.map(({ manager }) => manager)).toContain('fairlead-sync-agent');
    expect(after.metadata.generation).toBe(metadata.generation);
  });

  test('is not written twice', async () => {
    const { edge, keys, report, begin, status } = await office();
    begin(accepted);
    report(programmed(edge, keys, served));
    await expect.poll(async () => typesOf(await statusOf(keys.consumer)), { timeout: 20_000 }).toContain('Programmed');
    await expect.poll(() => status.waiting, { timeout: 20_000 }).toBe(0);
    const { metadata } = await get(keys.consumer);
    begin(accepted);
    report(programmed(edge, keys, served));
    await expect.poll(() => status.waiting, { timeout: 20_000 }).toBe(0);
    expect((await get(keys.consumer)).metadata.resourceVersion).toBe(metadata.resourceVersion);
  });

  test('of a leader that was overtaken is refused, and made anew from what is stored', async () => {
    // A cache that stands still for a while, as that of a process that was stopped.
    let isStopped = true;
    const old = new Map<ResourceKey, ReturnType<ClusterObjects['stored']>>();
    const { edge, keys, report, begin, status } = await office({
      cluster: (watched) => ({
        ...watched,
        stored: (key) => {
          if (!old.has(key)) old.set(key, watched.stored(key));
          return isStopped ? old.get(key) : watched.stored(key);
        },
      }),
    });
    begin(accepted);
    report(programmed(edge, keys, pending));
    await expect.poll(() => status.waiting, { timeout: 20_000 }).toBe(0);
    const newer = {
      type: 'Programmed',
      status: 'True',
      reason: 'Programmed',
      message: 'by the new leader',
      observedGeneration: 1,
      lastTransitionTime: '2026-11-01T00:00:00Z',
    };
    await patchStatus(keys.consumer, { conditions: [newer] });
    const { metadata } = await get(keys.consumer);
    report(programmed(edge, keys, { ...pending, message: 'by the old one' }));
    await expect.poll(() => status.waiting).toBeGreaterThan(0);
    expect((await get(keys.consumer)).metadata.resourceVersion).toBe(metadata.resourceVersion);
    isStopped = false;
    await expect.poll(() => status.waiting, { timeout: 20_000 }).toBe(0);
    expect(JSON.stringify(await statusOf(keys.consumer))).toContain('by the old one');
  });

  test('becomes Events that kubectl describe shows, each once', async () => {
    const { namespace, edge, keys, report, begin } = await office();
    begin(conflicted);
    report(programmed(edge, keys, served));
    const events = async () => {
      const list = JSON.parse(await server.kubectl(['get', 'events.events.k8s.io', '-n', namespace, '-o', 'json']));
      return eventList
        .parse(list)
        .items.filter(({ regarding }) => regarding.kind === 'Consumer')
        .map(({ type, reason, note }) => `${type} ${reason}: ${note}`)
        .toSorted();
    };
    await expect
      .poll(events, { timeout: 20_000 })
      .toEqual(['Normal Programmed: served', 'Warning Conflicted: another is older']);
    const described = await server.kubectl(['describe', 'consumer', '-n', namespace, 'ann']);
    expect(described).toMatch(/Warning +Conflicted +.*fairlead.dev\/sync-agent.*another is older/);
  });

  test('a finalizer holds an EdgeGateway until it is taken away, and leaves those of others', async () => {
    const { namespace, edge, keys } = await office();
    const finalizers = new EdgeFinalizers({
      api,
      isLeading: () => true,
      clock: systemClock,
      random: Math.random,
      logger: silentLogger,
      observer: silent,
    });
    void finalizers.run();
    closing.push(() => finalizers.stop(1_000));
    const held = async () => (await get(keys.gateway)).metadata.finalizers ?? [];
    const patch = JSON.stringify({ metadata: { finalizers: ['example.com/theirs'] } });
    await server.kubectl(['patch', 'edgegateway', '-n', namespace, 'edge', '--type=merge', '-p', patch]);
    finalizers.want(edge, true);
    await expect.poll(held, { timeout: 20_000 }).toEqual(['example.com/theirs', 'fairlead.dev/edge']);
    // Whoever applies the object anew takes it away without meaning to.
    await server.kubectl(['patch', 'edgegateway', '-n', namespace, 'edge', '--type=merge', '-p', patch]);
    finalizers.want(edge, true, false);
    await expect.poll(held, { timeout: 20_000 }).toEqual(['example.com/theirs', 'fairlead.dev/edge']);
    await server.kubectl(['delete', 'edgegateway', '-n', namespace, 'edge', '--wait=false']);
    finalizers.want(edge, false);
    await expect.poll(held, { timeout: 20_000 }).toEqual(['example.com/theirs']);
  });
});

const object = z.object({
  metadata: z.object({
    resourceVersion: z.string(),
    generation: z.number(),
    finalizers: z.array(z.string()).optional(),
    managedFields: z.array(z.object({ manager: z.string() })),
  }),
  status: z
    .looseObject({ conditions: z.array(z.object({ type: z.string(), status: z.string() })).default([]) })
    .default({ conditions: [] }),
});

const eventList = z.object({
  items: z.array(
    z.object({ type: z.string(), reason: z.string(), note: z.string(), regarding: z.object({ kind: z.string() }) }),
  ),
});

function typesOf({ conditions }: z.output<typeof object>['status']): string[] {
  return conditions.map(({ type }) => type).toSorted();
}

interface Keys {
  readonly consumer: ResourceKey;
  readonly model: ResourceKey;
  readonly gateway: ResourceKey;
}

function compiled(edge: string, keys: Keys, conditions: readonly Condition[]): AgentEvent {
  const service: RoutedService = {
    service: 'InferenceService/gpu/llama',
    provider: 'gpu/llama..inferenceservice-00000000',
    state: { phase: 'Ready', message: '' },
    replicas: { ready: 1, desired: 1 },
    accelerator: { kind: 'nvidia.com/gpu', count: 2 },
    url: 'https://llama.example.com',
  };
  return {
    type: 'compiled',
    edge,
    conditions: new Map(Object.values(keys).map((key: ResourceKey) => [key, conditions])),
    counts: { routes: 0, models: 1, providers: 0, consumers: 1 },
    generations: new Map(Object.values(keys).map((key: ResourceKey) => [key, 1])),
    discovered: [],
    services: new Map([[keys.model, [service]]]),
  };
}

function programmed(edge: string, keys: Keys, condition: Condition): AgentEvent {
  return {
    type: 'programmed',
    edge,
    conditions: new Map(Object.values(keys).map((key: ResourceKey) => [key, condition])),
    generations: new Map(Object.values(keys).map((key: ResourceKey) => [key, 1])),
  };
}
