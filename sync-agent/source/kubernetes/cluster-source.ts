import { z } from 'zod';
import { systemClock, type Clock } from '../../clock.ts';
import type { KubernetesApi } from '../../kubernetes/api.ts';
import type { Logger } from '../../log.ts';
import { backoffMs } from '../../publish/backoff.ts';
import { DeadlineExceeded, withDeadline } from '../../publish/deadline.ts';
import { Wake } from '../../wake.ts';
import { SourceUnavailable, type OpenSource, type ResourceSource } from '../source.ts';
import { OpenCluster } from './open-cluster.ts';
import type { ServiceAccount } from './referred-secrets.ts';

export interface KubernetesSourceOptions {
  /** Stays the caller's to close. */
  readonly api: KubernetesApi;
  /** The namespaces whose resources are read; absent: all. */
  readonly namespaces?: readonly string[] | undefined;
  /** Of the agent, for the command that lets it read a Secret. */
  readonly serviceAccount: ServiceAccount;
  /** Where it says what it waits for before it can begin. */
  readonly logger: Logger;
  readonly clock?: Clock;
  /** As Math.random. */
  readonly random?: () => number;
  /** How long it waits for a cluster that does not answer, or not whole, in milliseconds; absent: as long as it takes. */
  readonly patienceMs?: number;
}

/** The resources of a cluster, watched. It opens once every kind that the cluster serves has been read whole. */
export function createKubernetesSource(options: KubernetesSourceOptions): ResourceSource {
  const { clock = systemClock, patienceMs } = options;
  return {
    open: async (onChange, signal) => {
      const waiting: Waiting = { for: 'the API server' };
      const open = (signal: AbortSignal) => openWhole(options, onChange, waiting, signal);
      if (patienceMs === undefined) return open(signal);
      try {
        return await withDeadline(open, patienceMs, clock, signal);
      } catch (error) {
        if (!(error instanceof DeadlineExceeded)) throw error;
        throw new SourceUnavailable(`the cluster could not be read: waited for ${waiting.for}`, { cause: error });
      }
    },
  };
}

/** What it waits for, for people. */
interface Waiting {
  for: string;
}

async function openWhole(
  { api, namespaces, serviceAccount, logger, clock = systemClock, random = Math.random }: KubernetesSourceOptions,
  onChange: () => void,
  waiting: Waiting,
  signal: AbortSignal,
): Promise<OpenSource> {
  const wait = (what: string): void => {
    if (what !== waiting.for) logger.warn(`waiting: ${what}`);
    waiting.for = what;
  };
  const clusterUid = await readClusterUid(api, { clock, random, onFailure: wait }, signal);
  const wake = new Wake();
  const changed = (): void => {
    wake.ring();
    onChange();
  };
  const cluster = new OpenCluster({ api, namespaces, serviceAccount, onChange: changed, clock, random });
  try {
    while (!cluster.hasSynced) {
      const [first, ...more] = cluster.problems;
      if (first) wait(`${first.sentence}${more.length > 0 ? ` (and ${more.length} more)` : ''}`);
      await wake.sleep(LOOK_AGAIN_MS, clock, signal);
    }
  } catch (error) {
    await cluster.close();
    throw error;
  }
  return {
    clusterUid,
    observe: async () => cluster.observe(),
    close: () => cluster.close(),
    cluster,
    catchUp: async () => {
      const over = new AbortController();
      await Promise.race([cluster.catchUp(), clock.wait(CATCH_UP_MS, over.signal).catch(() => undefined)]);
      over.abort(new Error('caught up'));
    },
  };
}

/** So long it waits at most for what is read again. */
const CATCH_UP_MS = 10_000;

/** It is rung for everything that it waits for. */
const LOOK_AGAIN_MS = 60_000;

const namespace = z.object({ metadata: z.object({ uid: z.string().min(1) }) });

/** What a cluster is known by: the namespace that every cluster has, and that is never made anew. */
async function readClusterUid(
  api: KubernetesApi,
  { clock, random, onFailure }: { clock: Clock; random: () => number; onFailure: (sentence: string) => void },
  signal: AbortSignal,
): Promise<string> {
  for (let attempt = 0; ; attempt++) {
    try {
      const answer = await api.call({ method: 'GET', path: '/api/v1/namespaces/kube-system' }, signal);
      return namespace.parse(answer).metadata.uid;
    } catch (error) {
      signal.throwIfAborted();
      onFailure(error instanceof Error ? error.message : String(error));
      await clock.wait(backoffMs({ firstMs: 500, longestMs: 15_000 }, attempt, random), signal);
    }
  }
}
