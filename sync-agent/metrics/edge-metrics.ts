import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { generationName } from '../../contract/revision.ts';
import type { RoutedService } from '../compile/compilation.ts';
import type { InferenceState } from '../inference/inference-service.ts';
import type { ResourceId, ResourceKey } from '../snapshot.ts';
import type { EdgeObservation } from '../status/edge-observation.ts';
import type { AgentEvent, StatusSink } from '../status/status-sink.ts';

const PHASES: Readonly<Record<InferenceState['phase'], true>> = {
  Pending: true,
  Ready: true,
  Degraded: true,
  ScaledToZero: true,
  Unavailable: true,
  Stopped: true,
  Failed: true,
};

/** What is known of edges and of the services behind them. An edge that is gone leaves nothing behind. @param buckets seconds */
export function edgeMetrics(registry: Registry, buckets: number[]): StatusSink {
  const registers = [registry];
  const propagation = new Histogram({
    name: 'fairlead_propagation_seconds',
    help: 'From the publication of a revision until everything that was heard of served it.',
    labelNames: ['edge'],
    buckets,
    registers,
  });
  const revisions = new Gauge({
    name: 'fairlead_edge_revision_info',
    help: '1 for the revision that the edge holds, with its generation.',
    labelNames: ['edge', 'revision', 'generation'],
    registers,
  });
  const isolates = new Gauge({
    name: 'fairlead_edge_isolates',
    help: 'Isolates that were heard of lately, by the revision that they serve.',
    labelNames: ['edge', 'revision'],
    registers,
  });
  const failures = failureMetrics(registry);
  const services = inferenceMetrics(registry);
  const known = new Map<ResourceId, EdgeObservation>();
  const observe = (edge: ResourceId, now: EdgeObservation): void => {
    const before = known.get(edge);
    known.set(edge, now);
    if (before?.published) revisions.remove(revisionLabels(edge, before.published));
    if (now.published) revisions.set(revisionLabels(edge, now.published), 1);
    for (const { revision } of before?.isolates ?? []) isolates.remove({ edge, revision });
    for (const { revision, count } of now.isolates ?? []) isolates.set({ edge, revision }, count);
    const isServedAnew = now.served !== undefined && now.served.revision !== before?.served?.revision;
    if (isServedAnew && now.propagationSeconds !== undefined && now.propagationSeconds !== before?.propagationSeconds)
      propagation.observe({ edge }, now.propagationSeconds);
  };
  const met = new Set<ResourceId>();
  const forget = (edge: ResourceId): void => {
    observe(edge, {});
    known.delete(edge);
    met.delete(edge);
    services.forget(edge);
    propagation.remove({ edge });
    failures.forget(edge);
  };
  return {
    report: (event: AgentEvent) => {
      if ('edge' in event) met.add(event.edge);
      if (event.type === 'observed') observe(event.edge, event.observation);
      if (event.type === 'compiled') services.set(event.edge, event.services);
      if (event.type === 'failed') failures.count(event.edge, event.code);
      if (event.type === 'edges') for (const edge of met) if (!event.edges.has(edge)) forget(edge);
    },
  };
}

function revisionLabels(edge: ResourceId, { revision, generation }: NonNullable<EdgeObservation['published']>) {
  return { edge, revision, generation: generationName(generation) };
}

function failureMetrics(registry: Registry) {
  const counter = new Counter({
    name: 'fairlead_publish_failures_total',
    help: 'Passes that did not reach the edge, by why.',
    labelNames: ['edge', 'code'],
    registers: [registry],
  });
  const codes = new Map<ResourceId, Set<string>>();
  return {
    count: (edge: ResourceId, code: string): void => {
      counter.inc({ edge, code });
      codes.set(edge, (codes.get(edge) ?? new Set()).add(code));
    },
    forget: (edge: ResourceId): void => {
      for (const code of codes.get(edge) ?? []) counter.remove({ edge, code });
      codes.delete(edge);
    },
  };
}

/** Each service counts once, however many edges and models lead to it. */
function inferenceMetrics(registry: Registry) {
  const gauge = new Gauge({
    name: 'fairlead_inference_services',
    help: 'Inference services that models lead to, by their state.',
    labelNames: ['state'],
    registers: [registry],
  });
  const byEdge = new Map<ResourceId, ReadonlyMap<ResourceKey, readonly RoutedService[]>>();
  const count = (): void => {
    const phases = new Map(
      [...byEdge.values()].flatMap((models) =>
        [...models.values()].flat().map(({ service, state }) => [service, state.phase] as const),
      ),
    );
    for (const state of Object.keys(PHASES))
      gauge.set({ state }, [...phases.values()].filter((phase) => phase === state).length);
  };
  return {
    set: (edge: ResourceId, services: ReadonlyMap<ResourceKey, readonly RoutedService[]>): void => {
      byEdge.set(edge, services);
      count();
    },
    forget: (edge: ResourceId): void => {
      if (byEdge.delete(edge)) count();
    },
  };
}
