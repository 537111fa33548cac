import { setTimeout as timeout } from 'node:timers/promises';

/** How fast the simulator thinks. `sleep` rejects when the signal aborts. */
export type Pace = {
  firstTokenMs: number;
  tokensPerSecond: number;
  sleep: (milliseconds: number, signal: AbortSignal) => Promise<void>;
};

async function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  await timeout(milliseconds, undefined, { signal });
}

/** About what a small hosted model does. */
export const realisticPace: Pace = { firstTokenMs: 250, tokensPerSecond: 60, sleep };

/** Answers at once; a delay that a model's name asks for is still kept. */
export const instantPace: Pace = { firstTokenMs: 0, tokensPerSecond: Infinity, sleep };

/** Nothing to wait for is not waited for: a timer of 0 ms would still cost a turn of the event loop. */
export async function waitFor(pace: Pace, milliseconds: number, signal: AbortSignal) {
  signal.throwIfAborted();
  if (milliseconds > 0) await pace.sleep(milliseconds, signal);
}
