import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { createAgent, type AgentOptions } from './agent.ts';
import { monotonicNow, systemClock, type Clock, type MonotonicNow } from './clock.ts';
import type { ClusterConfig } from './config.ts';
import { ApiFailure, type KubernetesApi } from './kubernetes/api.ts';
import { openKubernetesApi } from './kubernetes/open-kubernetes-api.ts';
import { ELECTION_TIMING, type ElectionTiming } from './leader/election.ts';
import { becomeLeader, type Leadership } from './leader/leader-election.ts';
import type { Logger } from './log.ts';
import type { ProcessParts } from './process-parts.ts';
import { openSignals } from './signals/open-signals.ts';
import type { SignalSettings } from './signals/signal-settings.ts';
import { createKubernetesSource, type KubernetesSourceOptions } from './source/kubernetes/cluster-source.ts';
import type { ClusterObjects, ResourceSource } from './source/source.ts';
import { openWarm } from './source/warm-source.ts';
import { conditionLog } from './status/condition-log.ts';
import { EdgeFinalizers } from './status/kubernetes/edge-finalizers.ts';
import { EventRecorder } from './status/kubernetes/event-recorder.ts';
import { KubernetesStatus } from './status/kubernetes/kubernetes-status.ts';
import { unitedSink } from './status/united-sink.ts';

/** The doors to the outside, for tests. */
export interface ClusterDoors {
  readonly openApi: typeof openKubernetesApi;
  readonly createSource: (options: KubernetesSourceOptions) => ResourceSource;
  readonly fetch: typeof fetch;
  readonly clock: Clock;
  readonly monotonicNow: MonotonicNow;
  readonly random: () => number;
  readonly timing: ElectionTiming;
}

export const CLUSTER_DOORS: ClusterDoors = {
  openApi: openKubernetesApi,
  createSource: createKubernetesSource,
  fetch: globalThis.fetch,
  clock: systemClock,
  monotonicNow,
  random: Math.random,
  timing: ELECTION_TIMING,
};

/** How long writes that are under way have when it is stopped, in milliseconds. */
const GRACE_MS = 5_000;
/** What was read longer ago than this, in milliseconds, is read again before it is published. */
const YOUNG_MS = 500;
/** An API server that is away is asked again after this, in milliseconds. */
const ASK_AGAIN_MS = 2_000;

/**
 * Reads the cluster, waits until it leads, and keeps its edges for as long as it does. Who waits reads along, so that it
 * goes on where the leader ended. Resolves when the signal has ended it; the Lease is given back then.
 *
 * @throws {AccessFailure, SourceUnavailable} where there is nothing to begin with
 * @throws {LeadershipLost} where another may lead by now
 * @throws {PublishFailure} `superseded`, where another agent took over at the edge
 */
export async function runInCluster(
  config: ClusterConfig,
  parts: ProcessParts,
  env: Readonly<Record<string, string | undefined>>,
  doors: ClusterDoors,
  signal: AbortSignal,
): Promise<void> {
  const { kubeconfig, context, watchNamespaces: namespaces } = config;
  const { logger, metrics } = parts;
  const { clock, random } = doors;
  parts.waitFor('the cluster to be read');
  const api = await doors.openApi({ kubeconfig, context, env, onRequest: (request) => metrics.requested(request) });
  try {
    const namespace = config.namespace ?? api.namespace;
    const { secretReader } = config;
    const serviceAccount = { ...(await whoAmI({ api, namespace, logger, doors }, signal)), secretReader };
    const source = doors.createSource({ api, namespaces, serviceAccount, logger, clock, random });
    const { open, source: warm } = await openWarm(source, signal);
    try {
      if (!open.cluster) throw new Error('a cluster tells what is stored in it');
      parts.waitFor(undefined);
      metrics.leading(config.leaseName, false);
      logger.info('the cluster has been read: standing by', { namespace, lease: config.leaseName });
      const readAt = clock.now();
      const leadership = await stand(config, { api, namespace, logger, doors }, signal);
      // The leader before it may have published what has not been told here yet: nothing may go back.
      if (clock.now() - readAt > YOUNG_MS) await open.catchUp?.();
      await lead(config, parts, { api, doors, leadership, warm, cluster: open.cluster }, signal);
    } finally {
      await open.close();
    }
  } catch (error) {
    // Whatever it waited for when it was stopped.
    if (!signal.aborted) throw error;
  } finally {
    await api.close();
  }
}

/** What an agent has that does not lead yet. */
interface Standing {
  readonly api: KubernetesApi;
  readonly namespace: string;
  readonly logger: Logger;
  readonly doors: ClusterDoors;
}

function stand(
  { leaseName: name, podName }: ClusterConfig,
  { api, namespace, logger, doors }: Standing,
  signal: AbortSignal,
): Promise<Leadership> {
  // A pod that came back under its name is another: it knows nothing of what it did before.
  const identity = `${podName}_${randomBytes(6).toString('hex')}`;
  const { clock, random, timing, monotonicNow } = doors;
  return becomeLeader({ api, namespace, name, identity, timing, clock, monotonicNow, random, logger }, signal);
}

interface Leading {
  readonly api: KubernetesApi;
  readonly doors: ClusterDoors;
  readonly leadership: Leadership;
  readonly warm: ResourceSource;
  readonly cluster: ClusterObjects;
}

async function lead(
  config: ClusterConfig,
  { metrics, logger, passes }: ProcessParts,
  { api, doors, leadership, warm, cluster }: Leading,
  signal: AbortSignal,
): Promise<void> {
  const { leaseName, podName, resyncSeconds, cloudflareAPI } = config;
  const { clock, random, fetch } = doors;
  const isLeading = () => leadership.isHeld();
  const events = new EventRecorder({ api, instance: podName, clock, random, logger });
  const common = { api, isLeading, clock, random, logger };
  const status = new KubernetesStatus({ ...common, cluster, events, observer: metrics.queue('status') });
  const hold = new EdgeFinalizers({ ...common, observer: metrics.queue('finalizers') });
  const sink = unitedSink([metrics.sink, conditionLog(logger), status]);
  const { pickerTokenFile } = config;
  const signals = openSignals({
    settings: signalSettings(config),
    cluster,
    fetch,
    pickerTokenFile,
    clock,
    random,
    logger,
  });
  const startSignals: AgentOptions['startSignals'] = (edge, feed) => signals.start(edge, feed);
  const options = { source: warm, sink, logger, passes, hold, startSignals, fetch, clock, random, cloudflareAPI };
  metrics.leading(leaseName, true);
  const working = Promise.all([status.run(), hold.run()]);
  try {
    const agent = createAgent({ ...options, resyncMs: resyncSeconds * 1000 });
    await agent.run(AbortSignal.any([signal, leadership.signal]));
  } finally {
    await Promise.all([status.stop(GRACE_MS), hold.stop(GRACE_MS), events.stop(), signals.close()]);
    await working;
    metrics.leading(leaseName, false);
    await leadership.release();
  }
  if (!signal.aborted) leadership.signal.throwIfAborted();
}

function signalSettings({ signals: source, signalsSeconds, prometheusURL }: ClusterConfig): SignalSettings {
  return { source, intervalMs: signalsSeconds * 1000, ...(prometheusURL !== undefined && { prometheusURL }) };
}

const review = z.object({ status: z.object({ userInfo: z.object({ username: z.string() }) }) });

/** The service account that it runs as, for commands that give it rights; only a guess where the cluster does not say. */
async function whoAmI({ api, namespace, logger, doors: { clock } }: Standing, signal: AbortSignal) {
  const guess = { namespace, name: 'fairlead' };
  const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' };
  const path = '/apis/authentication.k8s.io/v1/selfsubjectreviews';
  let told = '';
  for (;;) {
    try {
      const { status } = review.parse(await api.call({ method: 'POST', path, body }, signal));
      const [, of, name] = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(status.userInfo.username) ?? [];
      return of !== undefined && name !== undefined ? { namespace: of, name } : guess;
    } catch (error) {
      signal.throwIfAborted();
      const isAway = error instanceof ApiFailure && (error.status === 0 || error.status === 429 || error.status >= 500);
      if (!isAway) return guess;
      if (error.message !== told) logger.warn(`waiting: ${error.message}`);
      told = error.message;
    }
    await clock.wait(ASK_AGAIN_MS, signal);
  }
}
