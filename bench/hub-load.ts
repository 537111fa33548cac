import type { PollQuestion } from '../worker/table/hub-protocol.ts';
import { IsolateRegistry } from '../worker/table/isolate-registry.ts';
import { nextPollMs, staleAfterMs } from '../worker/table/next-poll.ts';

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

/** Requests to Durable Objects a day on Cloudflare's free plan. */
export const FREE_DAILY_REQUESTS = 100_000;

export type HubLoad = {
  isolates: number;
  simulatedHours: number;
  /** Questions of all isolates, as many as come to a day. */
  pollsPerDay: number;
  /** How long a change waits on average for an isolate that polls to ask, and at most, in milliseconds. */
  meanWaitMs: number;
  longestWaitMs: number;
};

/**
 * Isolates that serve all the time, and so ask as soon as they may. The clock is a number; who decides how long they
 * wait is the hub's own code.
 *
 * @param random from 0 up to 1
 */
export function simulateHubLoad(isolates: number, random: () => number): HubLoad {
  // The work grows with the square of their number, and one hour is like the next.
  const durationMs = isolates > 200 ? HOUR_MS : DAY_MS;
  const registry = new IsolateRegistry();
  const running = Array.from({ length: isolates }, (_, index) => ({
    question: questionOf(`isolate-${index}`),
    // They are born within the first half minute.
    asksAt: Math.floor(random() * 30_000),
  }));
  let polls = 0;
  let waited = 0;
  let longestWaitMs = 0;
  for (let next = firstOf(running); next && next.asksAt < durationMs; next = firstOf(running)) {
    const { question, asksAt: now } = next;
    const waitMs = nextPollMs({
      local: false,
      isolates: registry.countWith(question.isolate, now),
      random: random(),
    });
    registry.hear(question, now, staleAfterMs(waitMs));
    next.asksAt = now + waitMs;
    polls += 1;
    waited += waitMs;
    longestWaitMs = Math.max(longestWaitMs, waitMs);
  }
  return {
    isolates,
    simulatedHours: durationMs / HOUR_MS,
    pollsPerDay: Math.round((polls * DAY_MS) / durationMs),
    meanWaitMs: Math.round(waited / polls / 2),
    longestWaitMs,
  };
}

function firstOf<T extends { asksAt: number }>(running: readonly T[]): T | undefined {
  let first = running[0];
  for (const one of running) if (first && one.asksAt < first.asksAt) first = one;
  return first;
}

function questionOf(isolate: string): PollQuestion {
  return { isolate, knownSchemaVersions: [1], knownFeatures: [], clusters: {} };
}
