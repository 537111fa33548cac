import type { Timeouts } from '../../contract/routing-table.ts';
import { durationMilliseconds } from '../../crds/duration.ts';

type Durations = { readonly [Limit in keyof Timeouts]?: string | undefined };

/** Milliseconds in place of durations. */
export function timeoutsOf(durations: Durations | undefined): Timeouts {
  return {
    firstByte: milliseconds(durations?.firstByte),
    firstEvent: milliseconds(durations?.firstEvent),
    idle: milliseconds(durations?.idle),
    total: milliseconds(durations?.total),
  };
}

function milliseconds(duration: string | undefined): number | undefined {
  return duration === undefined ? undefined : durationMilliseconds(duration);
}
