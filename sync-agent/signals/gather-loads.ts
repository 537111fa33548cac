import type { Clock } from '../clock.ts';
import type { RoutedService } from '../compile/compilation.ts';
import { forEachBounded } from '../for-each-bounded.ts';
import type { EndpointPicker } from '../inference/endpoint-picker.ts';
import { isServed } from '../inference/inference-service.ts';
import { DeadlineExceeded, withDeadline } from '../publish/deadline.ts';
import type { ResourceKey } from '../snapshot.ts';
import type { InferenceEndpoint } from '../source/source.ts';
import type { MetricsFetch } from './fetch-metrics.ts';
import { type Load, podLoad, poolLoad, serviceLoad } from './load.ts';
import { queryPrometheus } from './query-prometheus.ts';
import { samplesByPod } from './samples-by-pod.ts';
import { scrapeEndpointPicker } from './scrape-endpoint-picker.ts';
import { scrapePod } from './scrape-pod.ts';
import type { SignalSettings } from './signal-settings.ts';

export interface LoadSources {
  readonly settings: SignalSettings;
  /** Endpoints of an inference service, 32 at most (source.ts). */
  readonly endpoints: (key: ResourceKey) => readonly InferenceEndpoint[];
  /** Absent for what is no InferencePool. */
  readonly picker: (key: ResourceKey) => EndpointPicker | undefined;
  /** May read metrics and nothing else: see scrape-endpoint-picker.ts. */
  readonly pickerToken: () => Promise<string | undefined>;
  /** For pods, whose certificates nobody knows (pod-fetch.ts). */
  readonly podFetch: MetricsFetch;
  /** For Prometheus and endpoint pickers. */
  readonly fetch: MetricsFetch;
  readonly clock: Clock;
}

/** Pods and pickers that are asked at a time. */
const AT_ONCE = 64;
const ONE_ANSWER_MS = 2_000;
/** Prometheus reads many series for its one answer. */
const PROMETHEUS_MS = 4_000;
const SHARE_OF_INTERVAL = 0.8;

/**
 * The load of each service that serves and is awake, by key. Those of which nothing is known are missing. It takes four
 * fifths of the interval at most: what has not been told by then is not known. @throws the signal's reason
 */
export async function gatherLoads(
  services: readonly RoutedService[],
  sources: LoadSources,
  signal: AbortSignal,
): Promise<ReadonlyMap<ResourceKey, Load>> {
  const { settings } = sources;
  const wholeMs = settings.intervalMs * SHARE_OF_INTERVAL;
  switch (settings.source) {
    case 'Off':
      return new Map();
    case 'Pods':
      return scrapeLoads(targetsOf(services, sources), sources, wholeMs, signal);
    case 'Prometheus':
      return prometheusLoads(targetsOf(services, sources), sources, Math.min(PROMETHEUS_MS, wholeMs), signal);
  }
}

/** Whom there is to ask about a service, which several models may lead to. */
interface Target {
  readonly key: ResourceKey;
  readonly namespace: string;
  /** As the cluster counts them. */
  readonly ready: number;
  readonly pods: readonly InferenceEndpoint[];
  /** Of a pool whose pods are not known; where they are, they need no token. */
  readonly picker: EndpointPicker | undefined;
}

function targetsOf(services: readonly RoutedService[], { endpoints, picker }: LoadSources): readonly Target[] {
  const targets = new Map<ResourceKey, Target>();
  for (const { service: key, state, replicas } of services) {
    if (!isServed(state) || state.phase === 'ScaledToZero' || targets.has(key)) continue;
    const pods = endpoints(key).filter(({ ready }) => ready);
    const [, namespace = ''] = key.split('/');
    targets.set(key, {
      key,
      namespace,
      ready: Math.max(replicas.ready, pods.length),
      pods,
      picker: pods.length === 0 ? picker(key) : undefined,
    });
  }
  return [...targets.values()];
}

interface Question {
  readonly key: ResourceKey;
  readonly ask: (signal: AbortSignal) => Promise<Load | undefined>;
}

async function scrapeLoads(
  targets: readonly Target[],
  sources: LoadSources,
  wholeMs: number,
  signal: AbortSignal,
): Promise<ReadonlyMap<ResourceKey, Load>> {
  const questions = questionsTo(targets, sources);
  const answers = new Map<ResourceKey, Load[]>();
  const askAll = async (signal: AbortSignal) =>
    forEachBounded(questions, AT_ONCE, async ({ key, ask }) => {
      const load = await ask(signal);
      if (load) answers.set(key, [...(answers.get(key) ?? []), load]);
    });
  try {
    await withDeadline(askAll, wholeMs, sources.clock, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof DeadlineExceeded)) throw error;
  }
  return collect(targets, ({ key, picker, pods, ready }) => {
    const told = answers.get(key) ?? [];
    return picker ? told[0] : serviceLoad(told, pods.length, ready);
  });
}

/** The first pod of every service, then the second, so that where time is short something is known of each. */
function questionsTo(targets: readonly Target[], sources: LoadSources): readonly Question[] {
  const { clock, podFetch, fetch } = sources;
  const ofPods = { fetch: podFetch, clock, timeoutMs: ONE_ANSWER_MS };
  const ofPickers = { fetch, clock, timeoutMs: ONE_ANSWER_MS };
  const rounds: Question[][] = [];
  for (const { key, picker, pods } of targets) {
    const asks: Question['ask'][] = picker
      ? [async (signal) => scrapeEndpointPicker(picker, await tokenOrNone(sources), ofPickers, signal)]
      : pods.map((pod) => (signal) => scrapePod(pod, ofPods, signal));
    for (const [round, ask] of asks.entries()) (rounds[round] ??= []).push({ key, ask });
  }
  return rounds.flat();
}

/** A picker may answer without; one that does not says nothing. */
async function tokenOrNone({ pickerToken }: LoadSources): Promise<string | undefined> {
  try {
    return await pickerToken();
  } catch {
    return undefined;
  }
}

async function prometheusLoads(
  targets: readonly Target[],
  { settings: { prometheusURL }, fetch, clock }: LoadSources,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<ReadonlyMap<ResourceKey, Load>> {
  if (targets.length === 0 || prometheusURL === undefined) return new Map();
  const samples = await queryPrometheus(new URL(prometheusURL), { fetch, clock, timeoutMs }, signal);
  if (!samples) return new Map();
  const known = samplesByPod(samples);
  return collect(targets, ({ namespace, picker, pods, ready }) => {
    if (picker) return poolLoad(known.in(picker.namespace), picker.pool);
    const told = pods.flatMap((pod) => podLoad(known.of(namespace, pod)) ?? []);
    return serviceLoad(told, pods.length, ready);
  });
}

function collect(
  targets: readonly Target[],
  loadOf: (target: Target) => Load | undefined,
): ReadonlyMap<ResourceKey, Load> {
  return new Map(
    targets.flatMap((target) => {
      const load = loadOf(target);
      return load ? [[target.key, load] as const] : [];
    }),
  );
}
