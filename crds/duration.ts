import { z } from 'zod';
import { rule } from './rule.ts';

const pattern = /^([0-9]{1,5}(h|m|s|ms)){1,4}$/;
const millisecondsByUnit: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };

/** Milliseconds of a Gateway API duration such as `1h30m`; undefined where it is none. */
export function durationMilliseconds(duration: string): number | undefined {
  if (!pattern.test(duration)) return undefined;
  let total = 0;
  for (const [, amount, unit] of duration.matchAll(/([0-9]+)(ms|h|m|s)/g)) {
    total += Number(amount) * (millisecondsByUnit[unit ?? ''] ?? 0);
  }
  return total;
}

/** A Gateway API duration (GEP-2257) above zero. */
export const duration = z
  .string()
  .max(32)
  .check(
    rule({
      holds: (value) => (durationMilliseconds(value) ?? 0) > 0,
      cel: `self.matches('${pattern.source}') && duration(self) > duration('0s')`,
      sentence: 'must be a duration above zero such as 500ms, 30s or 1h30m',
    }),
  );
