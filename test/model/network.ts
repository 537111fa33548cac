import type { Chance } from './chance.ts';
import { outside } from './life.ts';
import type { VirtualClock } from './virtual-clock.ts';

/** What may happen to one call. */
export type Mishap = 'pass' | 'lost-request' | 'lost-answer' | 'hang' | 'late-answer' | 'sent-twice';

/** Longer than any timeout of those who call. */
const HANG_MS = 600_000;
const LATE_MS = 15_000;

/** A way between two parties: it takes its time, may be cut, and the next calls may go wrong in ways told beforehand. */
export class Network {
  /** While it is cut every call fails. */
  cut: false | 'refused' | 'hanging' = false;
  /** Questions pass, and what is large does not. */
  isNarrow = false;
  readonly #clock: VirtualClock;
  readonly #chance: Chance;
  readonly #latencyMs: number;
  #mishaps: Mishap[] = [];
  #troubledAt = Number.NEGATIVE_INFINITY;

  constructor(clock: VirtualClock, chance: Chance, latencyMs: number) {
    this.#clock = clock;
    this.#chance = chance;
    this.#latencyMs = latencyMs;
  }

  /** Of the coming calls, in this order. */
  expect(mishaps: readonly Mishap[]): void {
    this.#mishaps = [...mishaps];
  }

  /** Whether some call has gone wrong since then. */
  wasTroubledSince(time: number): boolean {
    return this.cut !== false || this.#troubledAt >= time;
  }

  heal(): void {
    this.cut = false;
    this.isNarrow = false;
    this.#mishaps = [];
  }

  call<T>(operation: () => Promise<T>, size: 'small' | 'large' = 'small'): Promise<T> {
    return outside(async () => {
      const mishap = this.isNarrow && size === 'large' ? 'lost-request' : this.#mishaps.shift();
      await this.#latency();
      if (this.cut || (mishap && mishap !== 'pass')) this.#troubledAt = this.#clock.now();
      if (this.cut === 'refused' || mishap === 'lost-request') throw new Error('the connection broke');
      if (this.cut === 'hanging' || mishap === 'hang') {
        await this.#clock.sleep(HANG_MS);
        throw new Error('the connection timed out');
      }
      if (mishap === 'sent-twice') this.#repeat(operation);
      const answer = await operation();
      await this.#latency();
      if (this.cut || (mishap && mishap !== 'pass')) this.#troubledAt = this.#clock.now();
      if (mishap === 'lost-answer') throw new Error('the connection broke before the answer');
      if (mishap === 'late-answer') await this.#clock.sleep(LATE_MS);
      return answer;
    });
  }

  /** As somebody does who records what is sent. What comes of it nobody sees. */
  #repeat(operation: () => Promise<unknown>): void {
    this.#clock.after(this.#chance.between(0, 30_000), () => {
      operation().catch(() => undefined);
    });
  }

  #latency(): Promise<void> {
    return this.#clock.sleep(this.#chance.between(1, this.#latencyMs));
  }
}
