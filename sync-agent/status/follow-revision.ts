import type { Clock } from '../clock.ts';
import { backoffMs, type Backoff } from '../publish/backoff.ts';
import { PublishFailure } from '../publish/publish-failure.ts';
import type { Publisher } from '../publish/publisher.ts';
import { spreadOf, type EdgeWord } from './programmed.ts';

/** At first as often as a local isolate asks, in the end as seldom as one of a large edge. */
const QUESTIONS: Backoff = { firstMs: 150, longestMs: 10_000 };

export interface FollowOptions {
  readonly publisher: Pick<Publisher, 'probe' | 'state'>;
  readonly revision: string;
  readonly clock: Clock;
  readonly random: () => number;
  /** Called with every answer. */
  readonly onWord: (word: EdgeWord) => void;
}

/**
 * Asks the edge what it serves until everything that was heard of serves the revision. The probe wakes an isolate
 * where none runs. @throws the signal's reason, nothing else: what the edge does not answer now, it may later
 */
export async function followRevision(options: FollowOptions, signal: AbortSignal): Promise<void> {
  const { publisher, revision, clock, random, onWord } = options;
  for (let question = 0; ; question++) {
    try {
      const probe = await publisher.probe(signal);
      const word: EdgeWord = { probe, state: await publisher.state(signal) };
      onWord(word);
      if (spreadOf(revision, word).everywhere) return;
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof PublishFailure)) throw error;
    }
    await clock.wait(backoffMs(QUESTIONS, Math.floor(question / 4), random), signal);
  }
}
