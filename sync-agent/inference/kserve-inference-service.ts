import { z } from 'zod';
import { acceleratorOf } from './accelerator.ts';
import type { Accelerator } from './inference-service.ts';
import { metricsPort, scaleOf, serviceNames, wakes } from './kserve-deployment.ts';
import { type Facts, inferenceService, type Predictor, serving } from './kserve-facts.ts';
import { modelNames, servedNames } from './served-names.ts';
import {
  complaintOf,
  type ForeignMetadata,
  keptMetadata,
  type ServiceReading,
  type Statement,
  statusOf,
  stopOf,
} from './service-reading.ts';
import { parseServiceUrl } from './service-url.ts';

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
