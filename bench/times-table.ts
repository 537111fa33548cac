import { median, percentile } from './statistics.ts';
import type { ResultRow } from './suite.ts';

/** Of a table of how long it takes from one thing to another. */
export const TIMES_COLUMNS = [
  { key: 'from', heading: 'from' },
  { key: 'to', heading: 'to' },
  { key: 'p50', heading: 'p50 ms' },
  { key: 'p99', heading: 'p99 ms' },
  { key: 'most', heading: 'most ms' },
];

/** @param times milliseconds */
export function timesRow(from: string, to: string, times: readonly number[]): ResultRow {
  return {
    from,
    to,
    p50: Math.round(median(times)),
    p99: Math.round(percentile(times, 99)),
    most: Math.round(Math.max(...times)),
  };
}
