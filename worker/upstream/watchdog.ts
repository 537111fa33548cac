import type { Clock } from '../clock.ts';
import type { Timeouts } from '../../contract/routing-table.ts';

/** What is being waited for. */
export type Phase = keyof Required<Timeouts>;

/** After so many milliseconds without a byte to the caller a stream says that it lives. */
export const SILENCE_MS = 10_000;

export interface WatchdogOptions {
  readonly clock: Clock;
  /** Milliseconds from now until everything must be over. */
  readonly totalMs: number;
  readonly onExpired: (phase: Phase) => void;
  /** Called again after each further silence; absent: silence is nothing to mind. */
  readonly onSilence?: (() => void) | undefined;
}

/**
 * All deadlines of one request on one timer, which re-arms itself: a timer for each chunk would cost as much as
 * passing the chunk on.
 */
export class Watchdog {
  readonly #options: WatchdogOptions;
  readonly #endsAt: number;
  #phase: Phase = 'total';
  #phaseEndsAt = Number.POSITIVE_INFINITY;
  #silentAt: number;
  #armedFor = Number.POSITIVE_INFINITY;
  #disarm: (() => void) | undefined;
  #stopped = false;

  constructor(options: WatchdogOptions) {
    this.#options = options;
    const now = options.clock.now();
    this.#endsAt = now + options.totalMs;
    this.#silentAt = options.onSilence ? now + SILENCE_MS : Number.POSITIVE_INFINITY;
  }

  /** From now on something must happen within so many milliseconds. */
  expect(phase: Phase, ms: number): void {
    this.#phase = phase;
    this.#phaseEndsAt = this.#options.clock.now() + ms;
    this.#arm();
  }

  /** Nothing is waited for: the caller is slow, not the upstream. */
  pause(): void {
    this.#phaseEndsAt = Number.POSITIVE_INFINITY;
  }

  /** The caller was sent something. */
  sent(): void {
    if (this.#options.onSilence) this.#silentAt = this.#options.clock.now() + SILENCE_MS;
  }

  stop(): void {
    this.#stopped = true;
    this.#disarm?.();
  }

  /** A timer that is due earlier than needed is left alone: it finds out what there is to do when it fires. */
  #arm(): void {
    const next = Math.min(this.#endsAt, this.#phaseEndsAt, this.#silentAt);
    if (this.#stopped || next >= this.#armedFor) return;
    this.#disarm?.();
    this.#armedFor = next;
    this.#disarm = this.#options.clock.after(Math.max(1, next - this.#options.clock.now()), () => this.#fire());
  }

  #fire(): void {
    this.#armedFor = Number.POSITIVE_INFINITY;
    const { clock, onExpired, onSilence } = this.#options;
    const now = clock.now();
    if (now >= this.#endsAt) {
      this.stop();
      return onExpired('total');
    }
    if (now >= this.#phaseEndsAt) {
      this.pause();
      onExpired(this.#phase);
    }
    if (now >= this.#silentAt) {
      this.#silentAt = now + SILENCE_MS;
      onSilence?.();
    }
    this.#arm();
  }
}
