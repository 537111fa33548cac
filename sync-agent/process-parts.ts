import { collectDefaultMetrics, Registry } from 'prom-client';
import { monotonicNow } from './clock.ts';
import type { CommonConfig } from './config.ts';
import { startHttpServer, type HttpServer } from './http-server.ts';
import type { Logger } from './log.ts';
import type { AgentMetrics } from './metrics/agent-metrics.ts';
import { prometheusMetrics } from './metrics/prometheus-metrics.ts';
import { observedBy, type PassObserver } from './pass.ts';
import { openTracing } from './tracing/open-tracing.ts';

/** What every agent has around it, wherever its resources are. */
export interface ProcessParts {
  readonly logger: Logger;
  readonly metrics: AgentMetrics;
  readonly passes: PassObserver;
  /** What it waits for, for `/readyz`; undefined: nothing any more. */
  waitFor(what: string | undefined): void;
  close(): Promise<void>;
}

export interface PartsOptions extends Pick<CommonConfig, 'httpAddress'> {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly logger: Logger;
  /** What this process is called in traces. */
  readonly instance: string;
}

/** @throws where its address cannot be listened at */
export async function openProcessParts({ env, logger, instance, httpAddress }: PartsOptions): Promise<ProcessParts> {
  const registry = new Registry();
  const metrics = prometheusMetrics(registry, monotonicNow);
  let waitingFor: string | undefined = 'its start';
  let server: HttpServer | undefined;
  if (httpAddress) {
    collectDefaultMetrics({ register: registry });
    server = await startHttpServer({ ...httpAddress, waitingFor: () => waitingFor, metrics: registry });
    logger.info('listening', { host: httpAddress.host, port: server.port });
  }
  const tracing = await openTracing(env, logger, instance);
  return {
    logger,
    metrics,
    passes: observedBy([metrics.passes, tracing.passes]),
    waitFor: (what) => (waitingFor = what),
    close: async () => {
      await Promise.all([server?.close(), tracing.close()]);
    },
  };
}
