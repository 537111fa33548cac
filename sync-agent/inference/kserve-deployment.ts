import { childName } from './child-name.ts';
import { type Facts, type Predictor, serving } from './kserve-facts.ts';
import type { ForeignMetadata, Scale } from './service-reading.ts';

/** By its status, which decides, else by the annotation; absent: as the cluster's KServe is configured. */
function isKnative({ status }: Facts, { annotations }: ForeignMetadata): boolean {
  const mode = status?.deploymentMode || annotations['serving.kserve.io/deploymentMode'];
  if (mode) return mode === 'Knative' || mode === 'Serverless';
  return !!status?.components?.predictor?.latestCreatedRevision;
}

function scaler({ spec }: Facts, { annotations }: ForeignMetadata): string {
  const key = 'serving.kserve.io/autoscalerClass';
  return spec.predictor.annotations[key] ?? annotations[key] ?? 'hpa';
}

/** The HPA keeps one replica at least; KEDA goes to zero where it may; an external scaler may do anything. */
export function wakes(facts: Facts, metadata: ForeignMetadata): boolean {
  const { minReplicas } = facts.spec.predictor;
  if (isKnative(facts, metadata)) return minReplicas === 0;
  switch (scaler(facts, metadata)) {
    case 'keda':
      return minReplicas === 0;
    case 'external':
      return minReplicas === undefined || minReplicas === 0;
    default:
      return false;
  }
}

export function scaleOf(facts: Facts, metadata: ForeignMetadata): Scale {
  const { minReplicas = 1, maxReplicas = 0 } = facts.spec.predictor;
  if (isKnative(facts, metadata)) return { least: minReplicas, fixed: minReplicas > 0 && minReplicas === maxReplicas };
  switch (scaler(facts, metadata)) {
    case 'none':
      return { least: minReplicas, fixed: true };
    case 'external':
      return { least: facts.spec.predictor.minReplicas, fixed: false };
    case 'keda':
      return { least: minReplicas, fixed: minReplicas > 0 && maxReplicas <= minReplicas };
    default: {
      const least = Math.max(minReplicas, 1);
      return { least, fixed: maxReplicas <= least };
    }
  }
}

/**
 * Raw: `{name}-predictor`, with the predictor's own name in between where it has one, a canary's too; before KServe 0.11
 * `{name}-predictor-default`. Knative: each revision's private Service, which selects its pods; the one with the
 * revision's own name leads to the activator while there are none.
 */
export function serviceNames(facts: Facts, metadata: ForeignMetadata): readonly string[] {
  if (!isKnative(facts, metadata)) {
    const variants = [facts.spec.predictor.name, ...facts.spec.canary.map(({ predictor }) => predictor.name)];
    const names = variants.map((variant) => `${metadata.name}${variant ? `-${variant}` : ''}-predictor`);
    return [...new Set([...names, `${metadata.name}-predictor-default`])];
  }
  const component = facts.status?.components?.predictor;
  const revisions = [
    component?.latestReadyRevision,
    ...(component?.traffic ?? []).filter(({ percent }) => percent).map(({ revisionName }) => revisionName),
  ];
  return [...new Set(revisions)].flatMap((revision) => (revision ? [childName(revision, '-private')] : []));
}

/** Absent: on the port that its Service leads to, as of most. */
export function metricsPort(facts: Facts, metadata: ForeignMetadata): number | undefined {
  const { predictor } = facts.spec;
  const key = 'prometheus.kserve.io/port';
  const said = Number(predictor.annotations[key] ?? metadata.annotations[key]);
  if (Number.isInteger(said) && said > 0 && said <= 65_535) return said;
  if (isTriton(predictor)) return 8002;
  // Knative's Service leads to its queue proxy, which would count our questions as traffic and never let it sleep.
  return isKnative(facts, metadata) ? (serving(predictor)?.ports[0]?.containerPort ?? 8080) : undefined;
}

function isTriton(predictor: Predictor): boolean {
  const { model, triton } = predictor;
  return (
    triton !== undefined || /triton/i.test(model?.runtime ?? '') || /tritonserver/.test(serving(predictor)?.image ?? '')
  );
}
