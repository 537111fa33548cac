import type { Clock } from '../clock.ts';
import type { RoutedService } from '../compile/compilation.ts';
import { forEachBounded } from '../for-each-bounded.ts';
import type { EndpointPicker } from '../inference/endpoint-picker.ts';
import { isServed } from '../inference/inference-service.ts';
import { DeadlineExceeded, withDeadline } from '../publish/deadline.ts';
import type { ResourceKey } from '../snapshot.ts';
import type { InferenceEndpoint } from '../source/source.ts';
import type { MetricsFetch, ScrapeSurroundings } from './fetch-metrics.ts';
import { type Load, podLoad, poolLoad, serviceLoad } from './load.ts';
import { queryPrometheus } from './query-prometheus.ts';
import { samplesByPod } from './samples-by-pod.ts';
import { scrapeEndpointPicker } from './scrape-endpoint-picker.ts';
import { scrapePod } from './scrape-pods.ts';
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
  const awake = new Map(services.filter(isAwake).map((service) => [service.service, service]));
  const { settings, clock } = sources;
  switch (settings.source) {
    case 'Off':
      return new Map();
    case 'Pods':
      return scrapeLoads([...awake.values()], sources, settings.intervalMs * SHARE_OF_INTERVAL, signal);
    case 'Prometheus': {
      const timeoutMs = Math.min(PROMETHEUS_MS, settings.intervalMs * SHARE_OF_INTERVAL);
      const surroundings = { fetch: sources.fetch, clock, timeoutMs };
      return prometheusLoads([...awake.values()], sources, surroundings, signal);
    }
  }
}

function isAwake({ state }: RoutedService): boolean {
  return isServed(state) && state.phase !== 'ScaledToZero';
}

interface Question {
  readonly key: ResourceKey;
  readonly ask: (signal: AbortSignal) => Promise<Load | undefined>;
}

async function scrapeLoads(
  services: readonly RoutedService[],
  sources: LoadSources,
  wholeMs: number,
  signal: AbortSignal,
): Promise<ReadonlyMap<ResourceKey, Load>> {
  const questions = questionsTo(services, sources);
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
  return collect(services, (service) => {
    const told = answers.get(service.service) ?? [];
    if (sources.picker(service.service)) return told[0];
    const asked = readyPods(service, sources).length;
    return serviceLoad(told, asked, Math.max(service.replicas.ready, asked));
  });
}

/** The first pod of every service, then the second, so that where time is short something is known of each. */
function questionsTo(services: readonly RoutedService[], sources: LoadSources): readonly Question[] {
  const { clock, podFetch, fetch } = sources;
  const ofPods = { fetch: podFetch, clock, timeoutMs: ONE_ANSWER_MS };
  const ofPickers = { fetch, clock, timeoutMs: ONE_ANSWER_MS };
  const rounds: Question[][] = [];
  for (const service of services) {
    const { service: key } = service;
    const picker = sources.picker(key);
    const asks: Question['ask'][] = picker
      ? [async (signal) => scrapeEndpointPicker(picker, await tokenOrNone(sources), ofPickers, signal)]
      : readyPods(service, sources).map((pod) => (signal) => scrapePod(pod, ofPods, signal));
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
  services: readonly RoutedService[],
  sources: LoadSources,
  surroundings: ScrapeSurroundings,
  signal: AbortSignal,
): Promise<ReadonlyMap<ResourceKey, Load>> {
  const { prometheusURL } = sources.settings;
  if (services.length === 0 || prometheusURL === undefined) return new Map();
  const samples = await queryPrometheus(new URL(prometheusURL), surroundings, signal);
  if (!samples) return new Map();
  const known = samplesByPod(samples);
  return collect(services, (service) => {
    const picker = sources.picker(service.service);
    if (picker) return poolLoad(known.in(picker.namespace), picker.pool);
    const [, namespace = ''] = service.service.split('/');
    const pods = readyPods(service, sources);
    const told = pods.flatMap((pod) => podLoad(known.of(namespace, pod)) ?? []);
    return serviceLoad(told, pods.length, Math.max(service.replicas.ready, pods.length));
  });
}

function readyPods({ service }: RoutedService, { endpoints }: LoadSources): readonly InferenceEndpoint[] {
  return endpoints(service).filter(({ ready }) => ready);
}

function collect(
  services: readonly RoutedService[],
  loadOf: (service: RoutedService) => Load | undefined,
): ReadonlyMap<ResourceKey, Load> {
  return new Map(
    services.flatMap((service) => {
      const load = loadOf(service);
      return load ? [[service.service, load] as const] : [];
    }),
  );
}
