import { readFile } from 'node:fs/promises';
import type { Clock } from '../clock.ts';
import type { RunningSignals, SignalFeed } from '../controller.ts';
import type { Logger } from '../log.ts';
import type { ResourceId } from '../snapshot.ts';
import type { ClusterObjects } from '../source/source.ts';
import type { MetricsFetch } from './fetch-metrics.ts';
import { gatherLoads } from './gather-loads.ts';
import { openPodFetch } from './pod-fetch.ts';
import { startSignalLoop } from './signal-loop.ts';
import type { SignalSettings } from './signal-settings.ts';

export interface SignalsOptions {
  readonly settings: SignalSettings;
  readonly cluster: ClusterObjects;
  /** For Prometheus and endpoint pickers. */
  readonly fetch: MetricsFetch;
  /** File with the token for endpoint pickers, which may read metrics and nothing else; absent: they get none. */
  readonly pickerTokenFile: string | undefined;
  readonly clock: Clock;
  /** As Math.random. */
  readonly random: () => number;
  readonly logger: Logger;
}

export interface Signals {
  /** Tells one edge of its services, until it is stopped. */
  start(edge: ResourceId, feed: SignalFeed): RunningSignals;
  /** Ends the connections to pods. */
  close(): Promise<void>;
}

/** Joins what asks pods to what tells edges. */
export function openSignals(options: SignalsOptions): Signals {
  const { settings, cluster, fetch, pickerTokenFile, clock, random, logger } = options;
  const pods = openPodFetch();
  const sources = {
    settings,
    endpoints: (key: string) => cluster.endpoints(key),
    picker: (key: string) => cluster.picker?.(key),
    pickerToken: () => readToken(pickerTokenFile),
    podFetch: pods.fetch,
    fetch,
    clock,
  };
  return {
    start: (edge, { services, send }) =>
      startSignalLoop({
        services,
        gather: (list, signal) => gatherLoads(list, sources, signal),
        send,
        clock,
        random,
        logger: withEdge(logger, edge),
        intervalMs: settings.intervalMs,
      }),
    close: () => pods.close(),
  };
}

/** Read each time: tokens rotate. */
async function readToken(file: string | undefined): Promise<string | undefined> {
  return file === undefined ? undefined : (await readFile(file, 'utf8')).trim();
}

function withEdge(logger: Logger, edge: ResourceId): Logger {
  return {
    debug: (message, fields) => logger.debug(message, { edge, ...fields }),
    info: (message, fields) => logger.info(message, { edge, ...fields }),
    warn: (message, fields) => logger.warn(message, { edge, ...fields }),
    error: (message, fields) => logger.error(message, { edge, ...fields }),
  };
}
