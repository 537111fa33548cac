import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { MonotonicNow } from '../clock.ts';
import type { PassObserver } from '../pass.ts';
import type { WorkQueueObserver } from '../status/work-queue.ts';
import type { AgentMetrics } from './agent-metrics.ts';
import { edgeMetrics } from './edge-metrics.ts';

/** Of controller-runtime's histogram those that tell passes apart: seconds. */
const PASS_BUCKETS = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const EDGE_BUCKETS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** Metrics under the names that dashboards for Kubernetes controllers know, and our own: docs/metrics.md. */
export function prometheusMetrics(registry: Registry, monotonicNow: MonotonicNow): AgentMetrics {
  const registers = [registry];
  const requests = new Counter({
    name: 'rest_client_requests_total',
    help: 'Requests to the API server, by status code, method and host.',
    labelNames: ['code', 'method', 'host'],
    registers,
  });
  const leader = new Gauge({
    name: 'leader_election_master_status',
    help: '1 where this process holds the Lease, else 0.',
    labelNames: ['name'],
    registers,
  });
  const reconciled = reconcileMetrics(registry);
  return {
    passes: passMetrics(registry, reconciled, monotonicNow),
    sink: edgeMetrics(registry, EDGE_BUCKETS),
    queue: queueMetrics(registry, reconciled),
    requested: ({ code, method, host }) => requests.inc({ code, method, host }),
    leading: (name, isLeading) => leader.set({ name }, isLeading ? 1 : 0),
  };
}

type Reconciled = (controller: string, result: 'success' | 'error' | 'requeue_after', seconds: number) => void;

function reconcileMetrics(registry: Registry): Reconciled {
  const registers = [registry];
  const total = new Counter({
    name: 'controller_runtime_reconcile_total',
    help: 'Passes of a controller, by their result.',
    labelNames: ['controller', 'result'],
    registers,
  });
  const seconds = new Histogram({
    name: 'controller_runtime_reconcile_time_seconds',
    help: 'How long a pass took.',
    labelNames: ['controller'],
    buckets: PASS_BUCKETS,
    registers,
  });
  return (controller, result, took) => {
    total.inc({ controller, result });
    seconds.observe({ controller }, took);
  };
}

function passMetrics(registry: Registry, reconciled: Reconciled, monotonicNow: MonotonicNow): PassObserver {
  const publishing = new Histogram({
    name: 'fairlead_publish_seconds',
    help: 'How long it took to carry a table to the edge.',
    labelNames: ['edge'],
    buckets: EDGE_BUCKETS,
    registers: [registry],
  });
  return {
    begin: (edge) => {
      const began = monotonicNow();
      return {
        beginStep: (step) => {
          const stepBegan = monotonicNow();
          return {
            end: (error) => {
              if (step === 'publish' && error === undefined)
                publishing.observe({ edge }, (monotonicNow() - stepBegan) / 1000);
            },
          };
        },
        end: (error) =>
          reconciled('edgegateway', error === undefined ? 'success' : 'error', (monotonicNow() - began) / 1000),
      };
    },
  };
}

function queueMetrics(registry: Registry, reconciled: Reconciled): (name: string) => WorkQueueObserver {
  const labelNames = ['name'];
  const registers = [registry];
  const depth = new Gauge({
    name: 'workqueue_depth',
    help: 'Things that a queue has yet to see to: waiting, failed, or under way.',
    labelNames,
    registers,
  });
  const adds = new Counter({
    name: 'workqueue_adds_total',
    help: 'How often something was put into a queue.',
    labelNames,
    registers,
  });
  const retries = new Counter({
    name: 'workqueue_retries_total',
    help: 'How often something was to be tried again.',
    labelNames,
    registers,
  });
  return (name) => {
    depth.set({ name }, 0);
    return {
      depth: (keys) => depth.set({ name }, keys),
      added: () => adds.inc({ name }),
      retried: () => retries.inc({ name }),
      worked: (outcome, seconds) => reconciled(name, resultOf(outcome), seconds),
    };
  };
}

function resultOf(outcome: Parameters<WorkQueueObserver['worked']>[0]): 'success' | 'error' | 'requeue_after' {
  switch (outcome) {
    case 'Done':
      return 'success';
    case 'Later':
      return 'requeue_after';
    case 'Retry':
    case 'Thrown':
      return 'error';
  }
}
