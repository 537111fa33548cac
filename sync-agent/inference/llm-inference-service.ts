import { z } from 'zod';
import { acceleratorOf, containers } from './accelerator.ts';
import { childName } from './child-name.ts';
import type { Accelerator } from './inference-service.ts';
import { modelNames } from './served-names.ts';
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
import { parseServiceUrl, type ServiceUrl } from './service-url.ts';
import { count, listOf, part, text } from './tolerant.ts';

const podSpec = part({ containers });
const keda = part({ idleReplicaCount: count });

const spec = z.object({
  model: part({ name: text, lora: part({ adapters: listOf(z.object({ name: text }), 1_000) }) }),
  replicas: count,
  scaling: part({ minReplicas: count, maxReplicas: count, keda, wva: part({ keda }) }),
  parallelism: part({ pipeline: count, data: count, dataLocal: count }),
  template: podSpec,
  worker: podSpec,
});
type Spec = z.output<typeof spec>;

const status = part({
  url: text,
  addresses: listOf(z.object({ name: text, url: text }), 64),
  conditions,
  workloads: part({ primary: part({ readyReplicas: count }), service: part({ name: text }) }),
});
type Status = z.output<typeof status>;

const EMPTY = spec.parse({});
const llmInferenceService = z.object({ spec: spec.catch(EMPTY), status });

/** Of KServe, v1alpha1 and v1alpha2: what is read of them is the same. */
export function readLlmInferenceService(raw: unknown, metadata: ForeignMetadata): ServiceReading | undefined {
  const { data: facts } = llmInferenceService.safeParse(raw);
  if (!facts) return undefined;
  const { spec, status } = facts;
  const url = whereItAnswers(status);
  return {
    kind: 'LLMInferenceService',
    metadata: keptMetadata(metadata),
    statement: statementOf(spec, status, metadata),
    serviceNames: [
      ...new Set([status?.workloads?.service?.name || workloadService(metadata.name), workloadService(metadata.name)]),
    ],
    // Those of the prefill phase stand behind the same Service, and answer nobody.
    otherPods: ['-kserve-prefill', '-kserve-mn-prefill'].map((suffix) => `${childName(metadata.name, suffix)}-`),
    origin: url?.origin,
    paths: [`${url?.path ?? ''}/v1`],
    modelNames: namesOf(spec, metadata),
    scale: scaleOf(spec),
    accelerator: acceleratorPerReplica(spec),
    traffic: [],
    metricsPort: undefined,
  };
}

/** The Service of Kubernetes that its model servers stand behind. */
export function workloadService(name: string): string {
  return childName(name, '-kserve-workload-svc');
}

function statementOf(spec: Spec, status: Status, metadata: ForeignMetadata): Statement {
  const said = status?.conditions ?? [];
  const ready = statusOf('Ready', said);
  const isFailing =
    statusOf('PresetsCombined', said) === 'False' ||
    said.some(({ status, reason }) => status === 'False' && reason === 'ProgressDeadlineExceeded');
  return {
    stopped: stopOf(metadata) ?? (spec.replicas === 0 ? 'Its replicas are 0.' : undefined),
    ready,
    message: complaintOf(['Ready', 'PresetsCombined', 'WorkloadsReady', 'RouterReady'], said),
    // Nothing in it outlives the loss of readiness. Its routes are made and accepted, and the edge looks for itself:
    // so a pod that is ready is enough for a process that remembers nothing.
    hasBeenReady: statusOf('RouterReady', said) === 'True',
    isFailing: isFailing && ready !== 'True',
    wakes: idles(spec),
    readyCopies: status?.workloads?.primary?.readyReplicas,
  };
}

function idles({ scaling }: Spec): boolean {
  return scaling?.keda?.idleReplicaCount === 0 || scaling?.wva?.keda?.idleReplicaCount === 0;
}

/** What a configuration of the cluster adds (`baseRefs`) is not known here. */
function scaleOf(spec: Spec): Scale {
  const { replicas, scaling } = spec;
  if (replicas !== undefined) return { least: replicas, fixed: true };
  if (!scaling) return { least: 1, fixed: false };
  const { minReplicas = 1, maxReplicas } = scaling;
  return { least: idles(spec) ? 0 : minReplicas, fixed: !idles(spec) && minReplicas === maxReplicas };
}

/**
 * The public address whose path names the service: `gateway-external`; that of `gateway-external-model-routing` answers
 * only with a header. Without any, what the status gives for its URL, which may be a private one.
 */
function whereItAnswers(status: Status): ServiceUrl | undefined {
  const external = (status?.addresses ?? [])
    .filter(({ name }) => name === 'gateway-external')
    .flatMap(({ url }) => parseServiceUrl(url) ?? [])
    .toSorted((a, b) => rank(a) - rank(b));
  return external[0] ?? parseServiceUrl(status?.url) ?? firstOf(status?.addresses.map(({ url }) => url));
}

/** TLS first, then the shorter path: beside `/{namespace}/{name}` there is one by model name, for its publisher. */
function rank({ origin, path }: ServiceUrl): number {
  return (origin.startsWith('https:') ? 0 : 10_000) + path.length;
}

function firstOf(urls: readonly (string | undefined)[] = []): ServiceUrl | undefined {
  return urls.flatMap((url) => parseServiceUrl(url) ?? [])[0];
}

/** Each model, and adapter, answers to its name alone and to one with its namespace. */
function namesOf({ model }: Spec, { name, namespace }: ForeignMetadata): readonly string[] {
  const adapters = (model?.lora?.adapters ?? []).flatMap(({ name }) => name ?? []);
  const names = [model?.name || name, ...adapters];
  return modelNames([...names, ...names.map((name) => `publishers/${namespace}/models/${name}`)]);
}

/** With a worker, a replica is a group of pods: one leader and the rest workers. */
function acceleratorPerReplica({ template, worker, parallelism }: Spec): Accelerator | undefined {
  const leader = acceleratorOf(template?.containers ?? []);
  if (!worker) return leader;
  const each = acceleratorOf(worker.containers);
  const pods = parallelism?.data
    ? Math.max(Math.trunc(parallelism.data / Math.max(parallelism.dataLocal ?? 1, 1)), 1)
    : Math.max(parallelism?.pipeline ?? 1, 1);
  const kind = (leader ?? each)?.kind;
  if (kind === undefined) return undefined;
  const first = template ? (leader?.count ?? 0) : (each?.count ?? 0);
  const total = first + (pods - 1) * (each?.count ?? 0);
  return total > 0 ? { kind, count: total } : undefined;
}
