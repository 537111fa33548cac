import { afterEach, describe, expect, test } from 'vitest';
import type { Condition, RoutedService } from '../../../../sync-agent/compile/compilation.ts';
import { ApiFailure } from '../../../../sync-agent/kubernetes/api.ts';
import { jsonLogger } from '../../../../sync-agent/json-log.ts';
import type { ResourceKey } from '../../../../sync-agent/snapshot.ts';
import { KubernetesStatus } from '../../../../sync-agent/status/kubernetes/kubernetes-status.ts';
import { resourceAddress } from '../../../../sync-agent/status/kubernetes/resource-path.ts';
import type { AgentEvent } from '../../../../sync-agent/status/status-sink.ts';
import { clusterObjects, store } from '../../support/cluster-objects.ts';
import { FakeKubernetesApi } from '../../support/fake-kubernetes-api.ts';
import { manualClock, settle } from '../../support/manual-clock.ts';

const ROUTE = 'GatewayRoute/ai/chat';
const GATEWAY = 'EdgeGateway/ai/edge';
const accepted: Condition = { type: 'Accepted', status: 'True', reason: 'Accepted', message: 'sound' };
const served: Condition = { type: 'Programmed', status: 'True', reason: 'Programmed', message: 'served' };
const pending: Condition = { type: 'Programmed', status: 'False', reason: 'Pending', message: 'not yet' };

const stopping = new Set<() => Promise<void>>();
afterEach(async () => {
  for (const stop of stopping) await stop();
  stopping.clear();
});

function bench(...keys: ResourceKey[]) {
  const api = new FakeKubernetesApi();
  for (const key of [...keys, ROUTE, GATEWAY]) store(api, key);
  const clock = manualClock();
  const logged: string[] = [];
  const recorded: string[] = [];
  const leading = { isLeading: true };
  const status = new KubernetesStatus({
    api,
    cluster: clusterObjects(api),
    isLeading: () => leading.isLeading,
    events: { record: ({ kind, name }, { type, reason }) => recorded.push(`${kind}/${name} ${type} ${reason}`) },
    clock,
    random: () => 1,
    logger: jsonLogger((line) => logged.push(line), clock, 'info'),
    observer: { depth: () => undefined, added: () => undefined, retried: () => undefined, worked: () => undefined },
  });
  void status.run();
  stopping.add(() => status.stop(0));
  const report = async (...events: AgentEvent[]) => {
    for (const event of events) status.report(event);
    await settle();
  };
  const statusOf = (key: ResourceKey) => api.objects.get(resourceAddress(key)!.path)?.['status'];
  const writes = (key?: ResourceKey) =>
    api.of('PATCH').filter(({ path }) => key === undefined || path === `${resourceAddress(key)!.path}/status`);
  return { api, clock, status, report, statusOf, writes, logged, recorded, leading };
}

const edges = (...names: string[]): AgentEvent => ({ type: 'edges', edges: new Set(names), unattached: new Map() });

function compiled(more: Partial<Extract<AgentEvent, { type: 'compiled' }>> = {}): AgentEvent {
  return {
    type: 'compiled',
    edge: 'ai/edge',
    conditions: new Map([
      [ROUTE, [accepted]],
      [GATEWAY, [accepted]],
    ]),
    counts: { routes: 1, models: 0, providers: 0, consumers: 0 },
    generations: new Map([
      [ROUTE, 1],
      [GATEWAY, 1],
    ]),
    discovered: [],
    services: new Map(),
    ...more,
  };
}

function programmed(condition: Condition, edge = 'ai/edge'): AgentEvent {
  const conditions = new Map([
    [ROUTE, condition],
    [GATEWAY, condition],
  ]);
  const generations = new Map([
    [ROUTE, 1],
    [GATEWAY, 1],
  ]);
  return { type: 'programmed', edge, conditions, generations };
}

describe('status in the cluster', () => {
  test('is applied with the version that it was made from, as a field manager of its own', async () => {
    const { report, writes, statusOf } = bench();
    await report(edges('ai/edge'), compiled(), programmed(served));
    expect(writes(ROUTE)[0]).toMatchObject({
      contentType: 'application/apply-patch+yaml',
      query: { fieldManager: 'fairlead-sync-agent', force: true },
      body: { kind: 'GatewayRoute', metadata: { name: 'chat', namespace: 'ai', resourceVersion: '1' } },
    });
    expect(statusOf(ROUTE)).toMatchObject({
      conditions: [{ type: 'Accepted' }, { type: 'Programmed', status: 'True' }],
    });
  });

  test('is written by a merge where what is stored has types that server-side apply cannot read', async () => {
    const { api, report, statusOf } = bench();
    const of = {
      type: 'Checked',
      status: 'True',
      reason: 'Fine',
      message: '',
      lastTransitionTime: '2026-11-01T00:00:00Z',
    };
    store(api, ROUTE, { conditions: [of] });
    const untypable = 'failed to create typed live object (ai/chat): .spec.models: expected list, got &{all}';
    api.mishap = ({ contentType, path }) =>
      contentType === 'application/apply-patch+yaml' && path.includes('/chat/')
        ? new ApiFailure(untypable, { status: 500 })
        : undefined;
    await report(edges('ai/edge'), compiled(), programmed(served));
    // The whole list is replaced, in which others have their own.
    expect(statusOf(ROUTE)).toMatchObject({
      conditions: [{ type: 'Accepted' }, { type: 'Programmed', status: 'True' }, of],
    });
    const merges = api.of('PATCH').filter(({ contentType }) => contentType === 'application/merge-patch+json');
    expect(merges).toMatchObject([{ path: expect.stringContaining('/chat/status'), body: { kind: 'GatewayRoute' } }]);
  });

  test('is not written again where it stands there already, also by another leader', async () => {
    const { api, report, writes, status, clock } = bench();
    await report(edges('ai/edge'), compiled(), programmed(served));
    const { length } = writes();
    await report(compiled(), programmed(served));
    await status.stop(0);
    const next = new KubernetesStatus({
      api,
      cluster: clusterObjects(api),
      isLeading: () => true,
      events: { record: () => undefined },
      clock,
      random: () => 1,
      logger: jsonLogger(() => undefined, clock, 'info'),
      observer: { depth: () => undefined, added: () => undefined, retried: () => undefined, worked: () => undefined },
    });
    void next.run();
    stopping.add(() => next.stop(0));
    for (const event of [edges('ai/edge'), compiled()]) next.report(event);
    await settle();
    next.report(programmed({ ...served, status: 'Unknown', reason: 'Pending' }));
    await settle();
    next.report(programmed(served));
    await settle();
    await clock.advance(20_000);
    expect(writes()).toHaveLength(length);
  });

  test('waits until every edge has been compiled', async () => {
    const { report, writes } = bench();
    await report(edges('ai/edge', 'ai/other'), compiled(), programmed(served));
    expect(writes()).toEqual([]);
    await report(compiled({ edge: 'ai/other', conditions: new Map([[ROUTE, [accepted]]]) }));
    expect(writes(ROUTE)).toHaveLength(1);
  });

  test('is written by the leader alone', async () => {
    const { report, writes, leading } = bench();
    leading.isLeading = false;
    await report(edges('ai/edge'), compiled());
    expect(writes()).toEqual([]);
  });

  test('is made anew from what is stored by then where somebody else was faster', async () => {
    const { api, clock, report, writes, statusOf } = bench();
    let isFirst = true;
    api.mishap = ({ method }) => {
      if (method !== 'PATCH' || !isFirst) return undefined;
      isFirst = false;
      return new ApiFailure('modified', { status: 409, reason: 'Conflict' });
    };
    await report(edges('ai/edge'), compiled(), programmed(served));
    store(api, ROUTE, undefined, 2);
    await clock.advance(500);
    expect(writes(ROUTE).at(-1)?.body).toMatchObject({
      metadata: { resourceVersion: expect.stringMatching(/^[3-9]/) },
    });
    expect(statusOf(ROUTE)).toMatchObject({ conditions: [{ observedGeneration: 1 }, { observedGeneration: 1 }] });
  });

  test('is forgotten of what is gone', async () => {
    const { api, report, status, logged } = bench();
    api.mishap = ({ method }) => (method === 'PATCH' ? new ApiFailure('gone', { status: 404 }) : undefined);
    await report(edges('ai/edge'), compiled());
    expect([status.waiting, logged]).toEqual([0, []]);
  });

  test('says once of a kind that the agent may not write it, and goes on when it may', async () => {
    const routes = Array.from({ length: 30 }, (_, i) => `GatewayRoute/ai/r${i}`);
    const { api, clock, report, writes, logged, statusOf } = bench(...routes);
    api.mishap = ({ method }) => (method === 'PATCH' ? new ApiFailure('forbidden', { status: 403 }) : undefined);
    const conditions = new Map(routes.map((key) => [key, [accepted]]));
    await report(edges('ai/edge'), compiled({ conditions, generations: new Map() }));
    await clock.advance(50_000);
    expect(logged).toHaveLength(2);
    expect(writes().length).toBeLessThan(20);
    api.mishap = () => undefined;
    await clock.advance(70_000);
    for (const key of routes) expect(statusOf(key)).toBeDefined();
  });

  test('waits for an API server that is away, and holds no more than there are resources', async () => {
    const { api, clock, report, status, statusOf } = bench();
    api.mishap = () => new ApiFailure('no route', { status: 0 });
    await report(edges('ai/edge'), compiled());
    for (let i = 0; i < 200; i++) await report(programmed(i % 2 === 0 ? served : pending));
    expect(status.waiting).toBe(2);
    await clock.advance(300_000);
    api.mishap = () => undefined;
    await clock.advance(60_000);
    expect(status.waiting).toBe(0);
    expect(statusOf(ROUTE)).toMatchObject({ conditions: [{}, { status: 'False', reason: 'Pending' }] });
  });

  test('drops an edge that is gone from every resource', async () => {
    const { report, statusOf } = bench();
    await report(edges('ai/edge', 'ai/other'), compiled(), programmed(served));
    await report(compiled({ edge: 'ai/other' }), programmed(served, 'ai/other'));
    expect(statusOf(ROUTE)).toMatchObject({ parents: [{}, {}] });
    await report(edges('ai/edge'));
    expect(statusOf(ROUTE)).toMatchObject({ parents: [{ parentRef: { name: 'edge' } }] });
  });

  test('of an EdgeGateway that is going goes on, for it says why it waits', async () => {
    const { report, statusOf } = bench();
    await report(edges('ai/edge'), compiled(), programmed(served));
    const lastError = { time: '2026-11-01T00:00:00.000Z', message: 'not evicted yet' };
    await report(edges(), { type: 'observed', edge: 'ai/edge', observation: { lastError } });
    expect(statusOf(GATEWAY)).toMatchObject({ lastError, conditions: [{ type: 'Accepted' }, {}] });
    expect(statusOf(ROUTE)).toMatchObject({ parents: [] });
  });

  test('knows nothing of an EdgeGateway that was deleted and made anew', async () => {
    const { report, writes } = bench();
    await report(edges('ai/edge'), compiled(), programmed(served));
    await report(edges());
    const { length } = writes(ROUTE);
    await report(edges('ai/edge'), programmed(pending));
    expect(writes(ROUTE)).toHaveLength(length);
    await report(compiled());
    expect(writes(ROUTE)).toHaveLength(length + 1);
  });

  test('says of all that there is that there is no EdgeGateway', async () => {
    const { report, statusOf } = bench();
    await report({ type: 'edges', edges: new Set(), unattached: new Map([[ROUTE, 1]]) });
    expect(statusOf(ROUTE)).toMatchObject({ conditions: [{ reason: 'NoMatchingParent' }, { reason: 'NotShipped' }] });
  });

  test('becomes Events where a condition changed, and not with every pass', async () => {
    const { report, recorded } = bench();
    await report(edges('ai/edge'), compiled(), programmed(served));
    await report(compiled(), programmed(served));
    await report(programmed(pending));
    await report(programmed(served));
    expect(recorded.toSorted()).toEqual([
      'EdgeGateway/edge Normal Programmed',
      'EdgeGateway/edge Normal Programmed',
      'GatewayRoute/chat Normal Programmed',
      'GatewayRoute/chat Normal Programmed',
    ]);
  });
});

describe('the status of an EdgeGateway', () => {
  const observed = (count: number, revision = 'aaa'): AgentEvent => ({
    type: 'observed',
    edge: 'ai/edge',
    observation: {
      published: { revision, generation: { term: 1, sequence: 2 }, time: '2026-11-01T00:00:00.000Z' },
      isolates: [{ revision, count }],
    },
  });

  test('has counts that are written every 30 s at most, and all else at once', async () => {
    const { clock, report, writes, statusOf } = bench();
    await report(edges('ai/edge'), compiled(), programmed(served), observed(1));
    await report(observed(2), observed(3));
    const { length } = writes(GATEWAY);
    await clock.advance(29_000);
    await report(observed(4));
    expect(writes(GATEWAY)).toHaveLength(length);
    await clock.advance(1_000);
    expect(writes(GATEWAY)).toHaveLength(length + 1);
    expect(statusOf(GATEWAY)).toMatchObject({ isolates: [{ count: 4 }], attached: { routes: 1 } });
    await report(observed(5, 'bbb'));
    expect(statusOf(GATEWAY)).toMatchObject({ published: { revision: 'bbb' }, isolates: [{ count: 5 }] });
  });

  test('keeps what a new leader does not know yet', async () => {
    const { api, report, statusOf } = bench();
    const published = { revision: 'old', generation: { term: 4, sequence: 9 }, time: '2026-11-01T00:00:00Z' };
    store(api, GATEWAY, { published, propagationSeconds: 0.4 });
    await report(edges('ai/edge'), compiled());
    expect(statusOf(GATEWAY)).toMatchObject({ published, propagationSeconds: 0.4, attached: { routes: 1 } });
  });

  test('has the last error until it has gone well', async () => {
    const { report, statusOf } = bench();
    const lastError = { time: '2026-11-01T00:00:00.000Z', message: 'the edge is away' };
    const failing: AgentEvent = { type: 'observed', edge: 'ai/edge', observation: { lastError } };
    await report(edges('ai/edge'), compiled(), failing);
    expect(statusOf(GATEWAY)).toMatchObject({ lastError });
    await report(observed(1));
    expect(statusOf(GATEWAY)).not.toHaveProperty('lastError');
  });
});

describe('the status of a model', () => {
  const MODEL = 'AIModel/ai/small';
  const service = (name: string, phase: RoutedService['state']['phase'], ready: number): RoutedService => ({
    service: `InferenceService/ai/${name}`,
    provider: `ai/${name}..inferenceservice-00000000`,
    state: { phase, message: '' },
    replicas: { ready, desired: 2 },
    accelerator: { kind: 'nvidia.com/gpu', count: 1 },
    url: ready > 0 ? `https://${name}.example.com` : undefined,
  });
  const serving = (...services: RoutedService[]): AgentEvent =>
    compiled({ conditions: new Map([[MODEL, [accepted]]]), services: new Map([[MODEL, services]]) });

  test('tells of the best of its services, and when that changed', async () => {
    const { clock, report, statusOf } = bench(MODEL);
    await report(edges('ai/edge'), serving(service('a', 'Failed', 0), service('b', 'Ready', 2)));
    expect(statusOf(MODEL)).toMatchObject({
      deploymentStatus: 'Ready',
      availableReplicas: 2,
      inferenceServiceURL: 'https://b.example.com',
      lastObservedTime: '2026-11-01T00:00:00Z',
      services: [
        { name: 'a', deploymentStatus: 'Failed' },
        { name: 'b', readyReplicas: 2, desiredReplicas: 2, accelerator: 'nvidia.com/gpu' },
      ],
    });
    await clock.advance(60_000);
    await report(serving(service('a', 'Failed', 0), service('b', 'Unavailable', 0)));
    expect(statusOf(MODEL)).toMatchObject({
      deploymentStatus: 'Unavailable',
      lastObservedTime: '2026-11-01T00:01:00Z',
    });
    expect(statusOf(MODEL)).not.toHaveProperty('inferenceServiceURL');
  });

  test('counts no replicas of an InferencePool that nobody counts', async () => {
    const pool: RoutedService = {
      ...service('pool', 'Ready', 1),
      service: 'InferencePool/ai/pool',
      replicas: { ready: 1, desired: undefined },
    };
    const { clock, report, statusOf } = bench(MODEL);
    await report(edges('ai/edge'), serving(pool));
    expect(statusOf(MODEL)).toMatchObject({ deploymentStatus: 'Ready', services: [{ name: 'pool' }] });
    expect(statusOf(MODEL)).not.toHaveProperty('availableReplicas');
    expect(statusOf(MODEL)).not.toHaveProperty('services.0.readyReplicas');
    await report(serving(pool, service('b', 'Ready', 2)));
    await clock.advance(30_000);
    expect(statusOf(MODEL)).toMatchObject({ availableReplicas: 2 });
  });

  test('says None where no service is behind it', async () => {
    const { report, statusOf } = bench(MODEL);
    await report(edges('ai/edge'), serving());
    expect(statusOf(MODEL)).toMatchObject({ deploymentStatus: 'None' });
  });

  test('counts replicas every 30 s at most', async () => {
    const { clock, report, statusOf } = bench(MODEL);
    await report(edges('ai/edge'), serving(service('b', 'Ready', 2)));
    await report(serving(service('b', 'Ready', 1)));
    expect(statusOf(MODEL)).toMatchObject({ availableReplicas: 2 });
    await clock.advance(30_000);
    expect(statusOf(MODEL)).toMatchObject({ availableReplicas: 1 });
  });
});

test('thousands of statuses are written eight at a time, each of them once', async () => {
  const routes = Array.from({ length: 2_000 }, (_, i) => `GatewayRoute/ai/r${i}`);
  const { api, report, status, writes } = bench(...routes);
  let [underWay, most] = [0, 0];
  api.mishap = () => {
    underWay += 1;
    most = Math.max(most, underWay);
    return new Promise((resolve) => setImmediate(resolve)).finally(() => (underWay -= 1));
  };
  await report(edges('ai/edge'), compiled({ conditions: new Map(routes.map((key) => [key, [accepted]])) }));
  while (status.waiting > 0) await settle();
  expect(most).toBe(8);
  const paths = writes().flatMap(({ path }) => (/\/r\d+\/status$/.test(path) ? [path] : []));
  expect([paths.length, new Set(paths).size]).toEqual([2_000, 2_000]);
});
