import { collectDefaultMetrics, Registry } from 'prom-client';
import { monotonicNow } from '../clock.ts';
import { startHttpServer, type HttpServer, type HttpServerOptions } from '../http-server.ts';
import type { AgentMetrics } from './agent-metrics.ts';
import { prometheusMetrics } from './prometheus-metrics.ts';

export interface ServedMetrics {
  readonly metrics: AgentMetrics;
  readonly server: HttpServer;
}

/** Counts, and serves what was counted. @throws where the address cannot be listened at */
export async function serveMetrics(options: Omit<HttpServerOptions, 'metrics'>): Promise<ServedMetrics> {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const metrics = prometheusMetrics(registry, monotonicNow);
  return { metrics, server: await startHttpServer({ ...options, metrics: registry }) };
}
