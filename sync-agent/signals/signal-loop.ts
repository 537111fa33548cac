import type { SignalReport } from '../../contract/signals.ts';
import type { Clock } from '../clock.ts';
import type { RoutedService } from '../compile/compilation.ts';
import type { RunningSignals } from '../controller.ts';
import type { Logger } from '../log.ts';
import { withDeadline } from '../publish/deadline.ts';
import type { ResourceKey } from '../snapshot.ts';
import { Wake } from '../wake.ts';
import type { Load } from './load.ts';
import { makeSignals } from './make-signals.ts';

export interface SignalLoopSurroundings {
  /** The services of one edge, as they are now. */
  readonly services: () => readonly RoutedService[];
  /** Their load, within the interval (gather-loads.ts). */
  readonly gather: (services: readonly RoutedService[], signal: AbortSignal) => Promise<ReadonlyMap<ResourceKey, Load>>;
  /** @throws where the edge did not take it */
  readonly send: (report: SignalReport, signal: AbortSignal) => Promise<void>;
  readonly clock: Clock;
  /** 0 to 1. */
  readonly random: () => number;
  readonly logger: Logger;
  readonly intervalMs: number;
}

/** Reports outlive two that are lost. */
const LIVES = 3;
const LONGEST_LIFE_MS = 60_000;
/** Of the interval, so that many agents do not report in step. */
const JITTER = 0.1;
const SEND_MS = 10_000;
/** Pods that come and go together are one change. */
const BURST = { quietMs: 50, maximumMs: 200 };
/** Each round of asking rings. */
const LONGEST_SILENCE_MS = 3_600_000;

/**
 * Tells an edge about its services every few seconds. Two rounds run beside each other, so that a pod that is slow to
 * answer holds back no news: one asks for the load, the other reports. A report that the edge does not take is gone: the
 * next one says more than it did. What has changed is reported at once, with the load that was known last.
 */
export function startSignalLoop(surroundings: SignalLoopSurroundings): RunningSignals {
  const ending = new AbortController();
  const news = new Wake();
  const known: KnownLoads = { loads: new Map() };
  const running = Promise.all(
    [ask(surroundings, known, news, ending.signal), report(surroundings, known, news, ending.signal)].map(
      async (round) => untilStopped(round, ending.signal),
    ),
  );
  return {
    changed: () => news.ring(),
    stop: async () => {
      ending.abort(new Error('the signals are stopped'));
      await running;
    },
  };
}

interface KnownLoads {
  loads: ReadonlyMap<ResourceKey, Load>;
}

async function ask(
  { gather, services, clock, random, logger, intervalMs }: SignalLoopSurroundings,
  known: KnownLoads,
  news: Wake,
  signal: AbortSignal,
): Promise<never> {
  // Before anything else is learnt: how many are ready.
  news.ring();
  for (;;) {
    const begun = clock.now();
    try {
      known.loads = await gather(services(), signal);
    } catch (error) {
      signal.throwIfAborted();
      known.loads = new Map();
      logger.error('the load of inference services cannot be gathered', { error: String(error) });
    }
    news.ring();
    const pause = intervalMs * (1 + JITTER * (2 * random() - 1)) - (clock.now() - begun);
    await clock.wait(Math.max(pause, 0), signal);
  }
}

async function report(
  { services, send, clock, logger, intervalMs }: SignalLoopSurroundings,
  known: KnownLoads,
  news: Wake,
  signal: AbortSignal,
): Promise<never> {
  const ttlMs = Math.min(Math.round(intervalMs * LIVES), LONGEST_LIFE_MS);
  let isRefused = false;
  let hasTold = false;
  for (;;) {
    if (!(await news.sleep(LONGEST_SILENCE_MS, clock, signal))) continue;
    await news.settle(BURST, clock, signal);
    const signals = [...makeSignals(services(), known.loads)];
    // An edge without inference services is left alone; that the last of them went must be told.
    if (signals.length === 0 && !hasTold) continue;
    try {
      await withDeadline((signal) => send({ ttlMs, signals }, signal), SEND_MS, clock, signal);
      hasTold = signals.length > 0;
      if (isRefused) logger.info('the edge takes signals again');
      isRefused = false;
    } catch (error) {
      signal.throwIfAborted();
      if (!isRefused) logger.warn('the edge does not take signals; it goes on without', { error: String(error) });
      isRefused = true;
    }
  }
}

async function untilStopped(running: Promise<never>, signal: AbortSignal): Promise<void> {
  try {
    await running;
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
