export interface PollLoad {
  readonly local: boolean;
  /** Isolates that were heard of lately, the asking one among them. */
  readonly isolates: number;
  /** From 0 up to 1: spreads isolates that began together. */
  readonly random: number;
}

/**
 * Calls that isolates may make of the hub in a day, all together. The free plan allows 100,000 requests to Durable
 * Objects a day and answers with errors from then on; a part is left to agents and to the fetching of blobs.
 */
export const DAILY_POLLS = 60_000;

const LOCAL_MS = 500;
const LEAST_MS = 2_000;
const MOST_MS = 30_000;
const DAY_MS = 86_400_000;
const SPREAD = 0.1;

/** When an isolate is to ask again, in milliseconds: the more isolates share the day's calls, the later. */
export function nextPollMs({ local, isolates, random }: PollLoad): number {
  if (local) return LOCAL_MS;
  const fair = (Math.max(1, isolates) * DAY_MS) / DAILY_POLLS;
  const spread = fair * (1 + SPREAD * (2 * random - 1));
  return Math.round(Math.min(MOST_MS, Math.max(LEAST_MS, spread)));
}

/** The staleness bound: after two questions' time without an answer an isolate asks before it serves. */
export function staleAfterMs(pollMs: number): number {
  return 2 * pollMs;
}
