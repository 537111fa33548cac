import { z } from 'zod';
import { duration, durationMilliseconds } from './duration.ts';
import { rule } from './rule.ts';

/** What holds where neither the route nor the provider says anything; the worker's own (a test compares them). */
export const defaultTimeouts = { firstByte: '5m', firstEvent: '2m', idle: '2m', total: '15m' } as const;

type Limits = { [Limit in keyof typeof defaultTimeouts]?: string | undefined };

function within(limit: 'firstByte' | 'firstEvent' | 'idle') {
  return rule<Limits>({
    holds: (limits) => {
      const part = durationMilliseconds(limits[limit] ?? '');
      const total = durationMilliseconds(limits.total ?? '');
      return part === undefined || total === undefined || part <= total;
    },
    cel: `!has(self.${limit}) || !has(self.total) || duration(self.${limit}) <= duration(self.total)`,
    sentence: 'must not be longer than total',
    at: limit,
  });
}

export function timeouts(absent: (builtIn: string) => string) {
  return z
    .strictObject({
      firstByte: duration
        .describe(
          `How long an attempt may wait for the head of the upstream's answer. Absent: ${absent(defaultTimeouts.firstByte)}.`,
        )
        .optional(),
      firstEvent: duration
        .describe(
          `How long an attempt may wait, once the head is there, for the first event of a stream that carries text, reasoning or a tool call. Absent: ${absent(defaultTimeouts.firstEvent)}.`,
        )
        .optional(),
      idle: duration
        .describe(
          `How long a running stream may be silent before it is given up. Absent: ${absent(defaultTimeouts.idle)}.`,
        )
        .optional(),
      total: duration
        .describe(
          `How long the whole answer may take, all attempts together. Absent: ${absent(defaultTimeouts.total)}.`,
        )
        .optional(),
    })
    .check(within('firstByte'), within('firstEvent'), within('idle'));
}
