import type { RouteEntry } from '../../contract/routing-table.ts';
import type { Clock } from '../clock.ts';
import { Failure } from '../errors.ts';
import { Watchdog, type Phase } from './watchdog.ts';

export interface CallControlOptions {
  readonly clock: Clock;
  readonly totalMs: number;
  readonly onClientAbort: RouteEntry['onClientAbort'];
  /** Aborted when the caller hangs up. */
  readonly clientSignal: AbortSignal;
  readonly onSilence?: (() => void) | undefined;
  /** The caller has gone, whether the call upstream goes on or not. */
  readonly onClientGone?: (() => void) | undefined;
  /** The time for the whole request is over. */
  readonly onTotal?: (() => void) | undefined;
}

/** What ends a call to an upstream before it has ended by itself: a timeout, or a caller that has gone. */
export class CallControl {
  readonly watchdog: Watchdog;
  readonly #onClientAbort: RouteEntry['onClientAbort'];
  readonly #onClientGone: (() => void) | undefined;
  readonly #onTotal: (() => void) | undefined;
  #call = new AbortController();
  #expired: Phase | undefined;
  #clientGone = false;
  /** Ends a read that is under way. */
  #stopReading: (() => void) | undefined;

  constructor(options: CallControlOptions) {
    const { clock, totalMs, onClientAbort, clientSignal, onSilence, onClientGone, onTotal } = options;
    this.#onClientAbort = onClientAbort;
    this.#onClientGone = onClientGone;
    this.#onTotal = onTotal;
    this.watchdog = new Watchdog({ clock, totalMs, onSilence, onExpired: (phase) => this.#expire(phase) });
    if (clientSignal.aborted) this.clientLeft();
    else clientSignal.addEventListener('abort', () => this.clientLeft(), { once: true });
  }

  /** The signal of the next attempt. */
  begin(): AbortSignal {
    this.#call = new AbortController();
    this.#expired = undefined;
    this.#stopReading = undefined;
    return this.#call.signal;
  }

  /** @param stop called at most once, when reading has to end early */
  reading(stop: () => void): void {
    this.#stopReading = stop;
  }

  clientLeft(): void {
    if (this.#clientGone) return;
    this.#clientGone = true;
    if (this.#onClientAbort === 'Abort') this.abort();
    this.#onClientGone?.();
  }

  /** Ends the call that is under way. */
  abort(): void {
    this.#call.abort();
    this.#stopReading?.();
    this.#stopReading = undefined;
  }

  get clientGone(): boolean {
    return this.#clientGone;
  }

  /** No further attempt makes sense. */
  get isOver(): boolean {
    return this.#expired === 'total' || (this.#clientGone && this.#onClientAbort === 'Abort');
  }

  /** Why the call was ended, if it was. @param provider for the sentence */
  reasonToStop(provider: string): Failure | undefined {
    if (this.#clientGone && this.#onClientAbort === 'Abort')
      return new Failure('client_closed_request', 'The client closed the connection.');
    return (
      this.#expired && new Failure('upstream_timeout', lateness(this.#expired, provider), { detail: this.#expired })
    );
  }

  #expire(phase: Phase): void {
    this.#expired = phase;
    this.abort();
    if (phase === 'total') this.#onTotal?.();
  }
}

function lateness(phase: Phase, provider: string): string {
  switch (phase) {
    case 'firstByte':
      return `The provider ${provider} did not begin to answer in time. Try again, or ask for less.`;
    case 'firstEvent':
      return `The provider ${provider} accepted the request and then sent no answer in time. Try again.`;
    case 'idle':
      return `The provider ${provider} stopped sending in the middle of its answer. Try again.`;
    case 'total':
      return 'The answer took longer than this gateway allows in all. Ask for less at once.';
  }
}
