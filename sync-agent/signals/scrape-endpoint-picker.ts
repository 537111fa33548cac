import type { EndpointPicker } from '../inference/endpoint-picker.ts';
import { fetchMetrics, type ScrapeSurroundings } from './fetch-metrics.ts';
import { type Load, poolLoad } from './load.ts';
import { PICKER_METRIC_NAMES } from './metric-names.ts';
import { parseMetrics } from './parse-metrics.ts';

/** Where pickers have their metrics unless they are told otherwise. */
const METRICS_PORT = 9090;

/**
 * What a pool's endpoint picker says of the pool. @throws the signal's reason
 *
 * @param token goes to whatever Service a pool names, which anybody may who can make a pool: so it must be one that may
 * read metrics and nothing else, never the agent's own
 */
export async function scrapeEndpointPicker(
  { namespace, service, pool }: EndpointPicker,
  token: string | undefined,
  surroundings: ScrapeSurroundings,
  signal: AbortSignal,
): Promise<Load | undefined> {
  const url = new URL(`http://${service}.${namespace}.svc:${METRICS_PORT}/metrics`);
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const text = await fetchMetrics(url, { headers }, surroundings, signal);
  return text === undefined ? undefined : poolLoad(parseMetrics(text, PICKER_METRIC_NAMES), pool);
}
