import type { CommonConfig } from './config.ts';
import type { Logger } from './log.ts';
import { noMetrics, type AgentMetrics } from './metrics/agent-metrics.ts';
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
  let waitingFor: string | undefined = 'its start';
  const served = await serve(httpAddress, logger, () => waitingFor);
  const { metrics = noMetrics } = served ?? {};
  const tracing = await openTracing(env, logger, instance);
  return {
    logger,
    metrics,
    passes: observedBy([metrics.passes, tracing.passes]),
    waitFor: (what) => (waitingFor = what),
    close: async () => {
      await Promise.all([served?.server.close(), tracing.close()]);
    },
  };
}

async function serve(address: CommonConfig['httpAddress'], logger: Logger, waitingFor: () => string | undefined) {
  if (!address) return undefined;
  // What nobody reads is not counted.
  const { serveMetrics } = await import('./metrics/serve-metrics.ts');
  const served = await serveMetrics({ ...address, waitingFor });
  logger.info('listening', { host: address.host, port: served.server.port });
  return served;
}
