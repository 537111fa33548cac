import { z } from 'zod';
import { acceleratorOf, containers, resources } from './accelerator.ts';
import { childName } from './child-name.ts';
import type { Accelerator } from './inference-service.ts';
import { modelNames, servedNames } from './served-names.ts';
import {
  complaintOf,
  conditions,
  type ForeignMetadata,
  keptMetadata,
  type Scale,
  type ServiceReading,
  type Statement,
  statusOf,
  stopOf,
} from './service-reading.ts';
import { parseServiceUrl } from './service-url.ts';
import { count, listOf, part, text, texts } from './tolerant.ts';

const container = z.object({
  name: text,
  image: text,
  command: listOf(z.string(), 1_000),
  args: listOf(z.string(), 1_000),
  resources,
  ports: listOf(z.object({ containerPort: z.int().min(1).max(65_535) }), 16),
});

const model = part({ ...container.shape, modelFormat: part({ name: text }), runtime: text });

const predictor = z.object({
  name: text,
  annotations: texts,
  minReplicas: count,
  maxReplicas: count,
  model,
  huggingface: model,
  triton: model,
  containers: listOf(container, 32),
  workerSpec: part({ containers, tensorParallelSize: count, pipelineParallelSize: count }),
});
type Predictor = z.output<typeof predictor>;

const EMPTY = predictor.parse({});

const traffic = listOf(z.object({ revisionName: text, percent: count, latestRevision: z.boolean().nullish() }), 100);

const inferenceService = z.object({
  spec: z
    .object({
      predictor: predictor.catch(EMPTY),
      canary: listOf(z.object({ predictor: z.object({ name: z.string() }) }), 32),
    })
    .catch({ predictor: EMPTY, canary: [] }),
  status: part({
    url: text,
    address: part({ url: text }),
    deploymentMode: text,
    conditions,
    components: part({
      predictor: part({ url: text, latestReadyRevision: text, latestCreatedRevision: text, traffic }),
    }),
    modelStatus: part({
      transitionStatus: text,
      states: part({ activeModelState: text, targetModelState: text }),
      copies: part({ totalCopies: count }),
      lastFailureInfo: part({ reason: text }),
    }),
    canaryStatuses: listOf(z.object({ name: z.string(), trafficPercent: count }), 32),
  }),
});
type Facts = z.output<typeof inferenceService>;

/** Of KServe, v1beta1. Conditions and names are those of its controller; the words in brackets are its. */
export function readInferenceService(raw: unknown, metadata: ForeignMetadata): ServiceReading | undefined {
  const { data: facts } = inferenceService.safeParse(raw);
  if (!facts) return undefined;
  const { predictor } = facts.spec;
  const { origin, paths } = whereItAnswers(facts);
  return {
    kind: 'InferenceService',
    metadata: keptMetadata(metadata),
    statement: statementOf(facts, metadata),
    serviceNames: serviceNames(facts, metadata),
    otherPods: [],
    origin,
    paths,
    modelNames: namesOf(predictor, metadata),
    scale: scaleOf(facts, metadata),
    accelerator: acceleratorPerReplica(predictor, metadata),
    traffic: trafficOf(facts),
    metricsPort: metricsPort(facts, metadata),
  };
}

function statementOf(facts: Facts, metadata: ForeignMetadata): Statement {
  const { status } = facts;
  const said = status?.conditions ?? [];
  const revisions = status?.components?.predictor;
  const scale = scaleOf(facts, metadata);
  const modelStatus = status?.modelStatus;
  const ready = statusOf('Ready', said);
  const isFailing =
    ['BlockedByFailedLoad', 'InvalidSpec'].includes(modelStatus?.transitionStatus ?? '') ||
    modelStatus?.states?.targetModelState === 'FailedToLoad' ||
    said.some(
      ({ type, status, reason }) =>
        type === 'PredictorReady' && status === 'False' && reason === 'ProgressDeadlineExceeded',
    );
  const failure = modelStatus?.lastFailureInfo?.reason;
  const complaint = complaintOf(['Ready', 'PredictorReady', 'IngressReady', 'TransformerReady'], said);
  return {
    stopped:
      stopOf(metadata) ??
      (scale.fixed && scale.least === 0 ? 'Its minReplicas is 0, and nothing scales it.' : undefined),
    ready,
    message: [isFailing && failure ? `${failure}:` : '', complaint].join(' ').trim(),
    // The ingress has been made, and the predictor was ready: its URL and revision are only written then, and kept.
    hasBeenReady:
      (status?.url ?? status?.address?.url) !== undefined &&
      (revisions?.url !== undefined ||
        !!revisions?.latestReadyRevision ||
        modelStatus?.states?.activeModelState === 'Loaded'),
    isFailing: isFailing && ready !== 'True' && !olderRevisionServes(facts),
    wakes: wakes(facts, metadata),
    readyCopies: copiesOf(facts),
  };
}

/**
 * Of the revision that was created last, which under Knative need not be the one that serves: while the route is ready,
 * one copy of that one at least is.
 */
function copiesOf(facts: Facts): number | undefined {
  const copies = facts.status?.modelStatus?.copies;
  // Zero is left out of the JSON.
  return copies && Math.max(copies.totalCopies ?? 0, olderRevisionServes(facts) ? 1 : 0);
}

function olderRevisionServes({ status }: Facts): boolean {
  const revisions = status?.components?.predictor;
  return (
    !!revisions?.latestReadyRevision &&
    revisions.latestReadyRevision !== revisions.latestCreatedRevision &&
    statusOf('PredictorRouteReady', status?.conditions ?? []) === 'True'
  );
}

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
function wakes(facts: Facts, metadata: ForeignMetadata): boolean {
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

function scaleOf(facts: Facts, metadata: ForeignMetadata): Scale {
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
function serviceNames(facts: Facts, metadata: ForeignMetadata): readonly string[] {
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

function whereItAnswers({ spec, status }: Facts): { origin: string | undefined; paths: readonly string[] } {
  const url = parseServiceUrl(status?.url) ?? parseServiceUrl(status?.address?.url);
  // A path in the URL is KServe's ingress.pathTemplate.
  const paths = isKServesServer(spec.predictor) ? ['/openai/v1', '/v1'] : ['/v1', '/openai/v1'];
  return { origin: url?.origin, paths: paths.map((path) => `${url?.path ?? ''}${path}`) };
}

/** KServe's own Python server, which its runtimes for Hugging Face models run, has its paths under /openai. */
function isKServesServer({ model, huggingface, containers }: Predictor): boolean {
  if (huggingface) return true;
  if (model) return !/vllm|sglang|tgi|trt|nim/i.test(model.runtime ?? '') || /huggingface/i.test(model.runtime ?? '');
  return containers.some(({ image }) => /huggingfaceserver/.test(image ?? ''));
}

/** The container that serves the model: named so, else the first. */
function serving({ model, huggingface, triton, containers }: Predictor): z.output<typeof container> | undefined {
  return model ?? huggingface ?? triton ?? containers.find(({ name }) => name === 'kserve-container') ?? containers[0];
}

function namesOf(predictor: Predictor, { name, namespace }: ForeignMetadata): readonly string[] {
  const container = serving(predictor);
  const words = [...(container?.command ?? []), ...(container?.args ?? [])].map((word) =>
    // As KServe fills them in.
    word.replaceAll(/\{\{\s*\.Name\s*\}\}/g, name).replaceAll(/\{\{\s*\.Namespace\s*\}\}/g, namespace),
  );
  const { named, loaded, adapters } = servedNames(words);
  // A runtime of KServe names the model after the object; a container of one's own knows nothing of it.
  const fallback = predictor.model || predictor.huggingface ? name : (loaded ?? name);
  const names = modelNames(named);
  return modelNames([...(names.length > 0 ? names : [fallback]), ...adapters]);
}

function acceleratorPerReplica(predictor: Predictor, { annotations }: ForeignMetadata): Accelerator | undefined {
  const others = customDevices(annotations['serving.kserve.io/gpu-resource-types']);
  const container = predictor.model ?? predictor.huggingface ?? predictor.triton;
  const own = acceleratorOf([...(container ? [container] : []), ...predictor.containers], others);
  const { workerSpec } = predictor;
  if (!workerSpec) return own;
  const { tensorParallelSize: tensor, pipelineParallelSize: pipeline } = workerSpec;
  const kind = (own ?? acceleratorOf(workerSpec.containers, others))?.kind ?? 'nvidia.com/gpu';
  // One replica spans the head and its workers; the sizes that are not given are the runtime's.
  return tensor || pipeline ? { kind, count: (tensor || 1) * (pipeline || 1) } : own;
}

function customDevices(annotation: string | undefined): readonly string[] {
  try {
    return z
      .array(z.string())
      .catch([])
      .parse(JSON.parse(annotation ?? '[]'));
  } catch {
    return [];
  }
}

function trafficOf({ status }: Facts): ServiceReading['traffic'] {
  const shares = new Map<string, number>();
  const targets = status?.components?.predictor?.traffic ?? [];
  const canaries = status?.canaryStatuses ?? [];
  for (const { revisionName, percent } of targets)
    if (revisionName && percent) shares.set(revisionName, (shares.get(revisionName) ?? 0) + percent);
  if (canaries.length > 0 && shares.size === 0) {
    for (const { name, trafficPercent } of canaries) if (trafficPercent) shares.set(name, trafficPercent);
    const rest = 100 - [...shares.values()].reduce((sum, percent) => sum + percent, 0);
    if (shares.size > 0 && rest > 0) shares.set('stable', rest);
  }
  if (shares.size < 2) return [];
  return [...shares].map(([revision, percent]) => ({ revision, percent })).toSorted((a, b) => b.percent - a.percent);
}

/** Absent: on the port that its Service leads to, as of most. */
function metricsPort(facts: Facts, metadata: ForeignMetadata): number | undefined {
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
