import { z } from 'zod';
import { listOf } from '../inference/tolerant.ts';
import { fetchMetrics, type ScrapeSurroundings } from './fetch-metrics.ts';
import { LOAD_QUERY } from './metric-names.ts';
import type { Sample } from './parse-metrics.ts';

const MOST_SERIES = 100_000;
/** Its one answer is about everything. */
const MOST_BYTES = 16 * 1024 * 1024;

const answer = z.object({
  status: z.literal('success'),
  data: z.object({
    resultType: z.literal('vector'),
    result: listOf(
      z.object({ metric: z.record(z.string(), z.string()), value: z.tuple([z.number(), z.string()]) }),
      MOST_SERIES,
    ),
  }),
});

/**
 * The load of everything that a Prometheus knows, by one instant query.
 *
 * @param prometheus base URL, with a path where it stands behind one
 * @returns undefined where it does not answer, or not with a vector. @throws the signal's reason
 */
export async function queryPrometheus(
  prometheus: URL,
  surroundings: ScrapeSurroundings,
  signal: AbortSignal,
): Promise<readonly Sample[] | undefined> {
  const url = new URL(`${prometheus.href.replace(/\/+$/, '')}/api/v1/query`);
  const request = { form: new URLSearchParams({ query: LOAD_QUERY }), mostBytes: MOST_BYTES };
  const text = await fetchMetrics(url, request, surroundings, signal);
  const { data } = answer.safeParse(parsedJson(text));
  return data?.data.result.flatMap(({ metric, value: [, written] }) => {
    const { __name__: name = '', ...labels } = metric;
    const value = written === '' ? Number.NaN : Number(written);
    return Number.isFinite(value) ? [{ name, labels, value }] : [];
  });
}

function parsedJson(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '');
  } catch {
    return undefined;
  }
}
