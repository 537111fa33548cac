import { ApiFailure } from '../../kubernetes/api.ts';
import { backoffMs, type Backoff } from '../../publish/backoff.ts';
import { Silence } from './silence.ts';

/** How far a reflector has come. */
export interface Standing {
  /** Attempts in a row by which nothing was learnt, this one included. */
  readonly failures: number;
  /** Times in a row that a watch fell silent, this one included. */
  readonly silences: number;
  /** What was asked: the whole, as a stream; the whole, in pages; what has changed since. */
  readonly asked: 'Stream' | 'Pages' | 'Changes';
}

export interface Step {
  /** Whether to go on behind the last version that was seen, or to ask for the whole again. */
  readonly from: 'Position' | 'Start';
  /** Whether the whole is asked for in pages from now on, because the server has no streamed list. */
  readonly inPages: boolean;
  /** Before it. */
  readonly pauseMs: number;
}

const RETRIES: Backoff = { firstMs: 500, longestMs: 20_000 };

/** A server that was restored from a backup may wait for a version that it will not have for days, and say nothing. */
const SILENCES_BEFORE_START = 2;

/**
 * What follows upon the end of an attempt. Pure.
 *
 * | ended by                      | from     | after                                       |
 * |-------------------------------|----------|---------------------------------------------|
 * | the server, in order          | position | at once, where something was learnt         |
 * | silence                       | position | at once; the second in a row from the start |
 * | 410, as answer or as event    | start    | at once, where something was learnt         |
 * | 400, 422 to a streamed list   | start    | at once, in pages from now on               |
 * | 400 to a position             | start    | backoff                                     |
 * | 429 and others, `Retry-After` | position | what is asked for, or backoff if longer     |
 * | anything else                 | position | backoff                                     |
 *
 * @param ending undefined: in order @param random as Math.random
 */
export function stepAfter(ending: unknown, standing: Standing, random: () => number): Step {
  const { failures, silences, asked } = standing;
  const pauseMs = failures === 0 ? 0 : backoffMs(RETRIES, failures - 1, random);
  const next = { from: 'Position', inPages: false, pauseMs } as const;
  if (ending instanceof Silence)
    return { ...next, pauseMs: 0, from: silences >= SILENCES_BEFORE_START ? 'Start' : 'Position' };
  if (!(ending instanceof ApiFailure)) return next;
  const { status, retryAfterMs = 0 } = ending;
  if (status === 410) return { ...next, from: 'Start' };
  if (status === 400 || status === 422) {
    if (asked === 'Stream') return { from: 'Start', inPages: true, pauseMs: 0 };
    return { ...next, from: 'Start' };
  }
  return { ...next, pauseMs: Math.max(pauseMs, retryAfterMs) };
}
