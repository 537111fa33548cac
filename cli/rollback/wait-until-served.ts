import type { HubState, ServedRevision } from '../../contract/publish-api.ts';
import { isTransient } from '../../sync-agent/publish/publish-failure.ts';
import type { Clock } from '../../sync-agent/clock.ts';

export type Waited =
  /** Every isolate that was heard of serves it. */
  | { readonly type: 'Served'; readonly revision: string; readonly isolates: number; readonly afterMs: number }
  /** Not within the time: `isAdmitted` where the hub has it and isolates are behind. */
  | { readonly type: 'Patience'; readonly isAdmitted: boolean; readonly afterMs: number };

export interface Waiting {
  readonly state: () => Promise<HubState>;
  readonly probe: () => Promise<ServedRevision>;
  /** Whether what the hub holds is what is waited for. */
  readonly isThere: (current: NonNullable<HubState['current']>) => boolean;
  readonly patienceMs: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

const PAUSE_MS = 500;

/** Asks the edge until it serves what an agent is to publish. An edge that does not answer for a while is waited for. */
export async function waitUntilServed({ state, probe, isThere, patienceMs, clock, signal }: Waiting): Promise<Waited> {
  const begun = clock.now();
  let isAdmitted = false;
  for (;;) {
    try {
      const { current, serving } = await state();
      isAdmitted = current !== null && isThere(current);
      if (current && isAdmitted) {
        const asked = await probe();
        const isolates = serving.reduce((sum, { count }) => sum + count, 0);
        const all = serving.every(({ revision }) => revision === current.revision);
        if (all && isolates > 0 && asked.revision === current.revision)
          return { type: 'Served', revision: current.revision, isolates, afterMs: clock.now() - begun };
      }
    } catch (error) {
      if (!isTransient(error)) throw error;
    }
    const afterMs = clock.now() - begun;
    if (afterMs >= patienceMs) return { type: 'Patience', isAdmitted, afterMs };
    await clock.wait(PAUSE_MS, signal);
  }
}
