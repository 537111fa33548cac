import type { PollAnswer } from './hub-protocol.ts';

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;

/** When an isolate is to ask the hub, and when it must not serve before it has asked. */
export class PollClock {
  readonly #now: () => number;
  #dueAt = 0;
  #staleAt = 0;
  #failures = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** @param askedAt when the question was put: what the hub said was true then, and may have changed since */
  answered(askedAt: number, { nextPollMs, staleAfterMs }: Pick<PollAnswer, 'nextPollMs' | 'staleAfterMs'>): void {
    this.#failures = 0;
    this.#dueAt = askedAt + nextPollMs;
    this.#staleAt = askedAt + staleAfterMs;
  }

  /** The hub did not answer: ask later each time, and let nobody wait meanwhile. */
  failed(): void {
    // Who has no table asks with every request: that says nothing new of the hub, and must not put off the next question.
    if (this.#failures > 0 && !this.due()) return;
    const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#failures);
    this.#failures++;
    this.#dueAt = this.#now() + pause;
    this.#staleAt = this.#dueAt + pause;
  }

  due(): boolean {
    return this.#now() >= this.#dueAt;
  }

  stale(): boolean {
    return this.#now() >= this.#staleAt;
  }

  /** Whether the latest question went without an answer. */
  unanswered(): boolean {
    return this.#failures > 0;
  }
}
