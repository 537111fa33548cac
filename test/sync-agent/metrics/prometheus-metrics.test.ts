import { Registry } from 'prom-client';
import { describe, expect, test } from 'vitest';
import type { RoutedService } from '../../../sync-agent/compile/compilation.ts';
import { prometheusMetrics } from '../../../sync-agent/metrics/prometheus-metrics.ts';
import { Pass } from '../../../sync-agent/pass.ts';
import type { AgentEvent } from '../../../sync-agent/status/status-sink.ts';

function bench() {
  const registry = new Registry();
  let now = 0;
  const metrics = prometheusMetrics(registry, () => now);
  /** The values of one metric, but for buckets: `labels value`. */
  const values = async (name: string) => {
    const text = await registry.getSingleMetricAsString(name);
    return text
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#') && !line.includes('_bucket{'))
      .map((line) => line.slice(name.length));
  };
  return { metrics, values, pass: (ms: number) => (now += ms) };
}

const compiled = (edge: string, ...services: RoutedService[]): AgentEvent => ({
  type: 'compiled',
  edge,
  conditions: new Map(),
  counts: { routes: 0, models: 0, providers: 0, consumers: 0 },
  generations: new Map(),
  discovered: [],
  services: new Map([['AIModel/ai/small', services]]),
});

const service = (name: string, phase: RoutedService['state']['phase']): RoutedService => ({
  service: `InferenceService/ai/${name}`,
  provider: `ai/${name}`,
  state: { phase, message: '' },
  replicas: { ready: 0, desired: undefined },
  accelerator: undefined,
  url: undefined,
});

describe('metrics', () => {
  test('count passes by their result, and time what was published', async () => {
    const { metrics, values, pass } = bench();
    const good = new Pass(metrics.passes, 'ai/edge');
    await good.run('publish', () => void pass(200));
    good.end();
    const bad = new Pass(metrics.passes, 'ai/edge');
    await expect(bad.run('publish', () => Promise.reject(new Error('away')))).rejects.toThrow('away');
    bad.end(new Error('away'));
    expect(await values('controller_runtime_reconcile_total')).toEqual([
      '{controller="edgegateway",result="success"} 1',
      '{controller="edgegateway",result="error"} 1',
    ]);
    expect(await values('fairlead_publish_seconds')).toEqual(['_sum{edge="ai/edge"} 0.2', '_count{edge="ai/edge"} 1']);
  });

  test('tell how queues are doing', async () => {
    const { metrics, values } = bench();
    const queue = metrics.queue('status');
    queue.added();
    queue.depth(3);
    queue.retried();
    queue.worked('Done', 0.1);
    queue.worked('Later', 0.1);
    queue.worked('Thrown', 0.1);
    expect(await values('workqueue_depth')).toEqual(['{name="status"} 3']);
    expect(await values('workqueue_adds_total')).toEqual(['{name="status"} 1']);
    expect(await values('workqueue_retries_total')).toEqual(['{name="status"} 1']);
    expect(await values('controller_runtime_reconcile_total')).toEqual([
      '{controller="status",result="success"} 1',
      '{controller="status",result="requeue_after"} 1',
      '{controller="status",result="error"} 1',
    ]);
  });

  test('tell who leads, and what was asked of the API server', async () => {
    const { metrics, values } = bench();
    metrics.leading('fairlead-sync-agent', true);
    metrics.requested({ code: '409', method: 'PATCH', host: '10.0.0.1:443' });
    expect(await values('leader_election_master_status')).toEqual(['{name="fairlead-sync-agent"} 1']);
    metrics.leading('fairlead-sync-agent', false);
    expect(await values('leader_election_master_status')).toEqual(['{name="fairlead-sync-agent"} 0']);
    expect(await values('rest_client_requests_total')).toEqual(['{code="409",method="PATCH",host="10.0.0.1:443"} 1']);
  });

  test('have one revision an edge, and forget an edge that is gone', async () => {
    const { metrics, values } = bench();
    const observed = (revision: string, sequence: number): AgentEvent => ({
      type: 'observed',
      edge: 'ai/edge',
      observation: {
        published: { revision, generation: { term: 1, sequence }, time: '' },
        served: { revision, generation: { term: 1, sequence } },
        isolates: [{ revision, count: 2 }],
        propagationSeconds: sequence / 4,
      },
    });
    for (const event of [observed('aaa', 1), observed('bbb', 2), observed('bbb', 2)]) metrics.sink.report(event);
    expect(await values('fairlead_edge_revision_info')).toEqual(['{edge="ai/edge",revision="bbb",generation="1.2"} 1']);
    expect(await values('fairlead_edge_isolates')).toEqual(['{edge="ai/edge",revision="bbb"} 2']);
    expect(await values('fairlead_propagation_seconds')).toEqual([
      '_sum{edge="ai/edge"} 0.75',
      '_count{edge="ai/edge"} 2',
    ]);
    metrics.sink.report({ type: 'edges', edges: new Set(), unattached: new Map() });
    expect(await values('fairlead_edge_revision_info')).toEqual([]);
  });

  test('keep nothing of an edge that is gone, also of one that was never reached', async () => {
    const { metrics, values } = bench();
    metrics.sink.report(compiled('ai/one', service('a', 'Ready')));
    metrics.sink.report({
      type: 'failed',
      edge: 'ai/one',
      code: 'unreachable',
      sentence: '',
      retryInMs: null,
    });
    expect(await values('fairlead_publish_failures_total')).toHaveLength(1);
    metrics.sink.report({ type: 'edges', edges: new Set(), unattached: new Map() });
    expect(await values('fairlead_publish_failures_total')).toEqual([]);
    expect(await values('fairlead_inference_services')).toContain('{state="Ready"} 0');
  });

  test('count an inference service once, whatever leads to it', async () => {
    const { metrics, values } = bench();
    metrics.sink.report(compiled('ai/one', service('a', 'Ready'), service('b', 'Failed')));
    metrics.sink.report(compiled('ai/two', service('a', 'Ready')));
    const counts = await values('fairlead_inference_services');
    expect(counts).toContain('{state="Ready"} 1');
    expect(counts).toContain('{state="Failed"} 1');
    expect(counts).toContain('{state="Pending"} 0');
  });
});
