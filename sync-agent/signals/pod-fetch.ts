import { Agent, fetch } from 'undici';
import type { MetricsFetch } from './fetch-metrics.ts';

/** For pods: connections of their own, one each, kept from one round to the next. */
export interface PodFetch {
  readonly fetch: MetricsFetch;
  close(): Promise<void>;
}

/**
 * Certificates are not checked, as Prometheus' own configuration for pods does not: model servers make their own, and
 * what is asked is no secret, nor is any sent.
 */
export function openPodFetch(): PodFetch {
  const dispatcher = new Agent({
    connections: 1,
    keepAliveTimeout: 30_000,
    connect: { rejectUnauthorized: false, timeout: 2_000 },
  });
  return {
    fetch: (url, request) => fetch(url, { ...request, dispatcher }),
    close: () => dispatcher.destroy(),
  };
}
