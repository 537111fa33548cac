import type { InferenceEndpoint } from '../source/source.ts';
import { fetchMetrics, type ScrapeSurroundings } from './fetch-metrics.ts';
import { type Load, podLoad } from './load.ts';
import { METRICS_PATHS, SERVER_METRIC_NAMES } from './metric-names.ts';
import { parseMetrics } from './parse-metrics.ts';

/** What one pod says of its load; undefined where it says nothing that is known here. @throws the signal's reason */
export async function scrapePod(
  { address, port, tls }: InferenceEndpoint,
  surroundings: ScrapeSurroundings,
  signal: AbortSignal,
): Promise<Load | undefined> {
  const host = address.includes(':') ? `[${address}]` : address;
  for (const path of METRICS_PATHS) {
    const url = new URL(`${tls ? 'https' : 'http'}://${host}:${port}${path}`);
    const text = await fetchMetrics(url, {}, surroundings, signal);
    const load = text === undefined ? undefined : podLoad(parseMetrics(text, SERVER_METRIC_NAMES));
    if (load) return load;
  }
  return undefined;
}
