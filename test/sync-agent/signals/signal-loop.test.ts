import { describe, expect, it } from 'vitest';
import type { SignalReport } from '../../../contract/signals.ts';
import type { RoutedService } from '../../../sync-agent/compile/compilation.ts';
import type { Logger } from '../../../sync-agent/log.ts';
import type { Load } from '../../../sync-agent/signals/load.ts';
import { type SignalLoopSurroundings, startSignalLoop } from '../../../sync-agent/signals/signal-loop.ts';
import { manualClock, settle } from '../support/manual-clock.ts';

const KEY = 'InferenceService/team-a/llama';
const INTERVAL = 5_000;
/** What a burst of changes is waited for. */
const BURST = 50;

function bench(more: Partial<SignalLoopSurroundings> = {}) {
  const clock = manualClock();
  const reports: SignalReport[] = [];
  const lines: string[] = [];
  const line = (level: string) => (message: string) => void lines.push(`${level}: ${message}`);
  const logger: Logger = { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') };
  const state = { ready: 3, load: { waiting: 7 } as Load | undefined, services: 1, gathered: 0 };
  const services = (): readonly RoutedService[] =>
    [
      {
        service: KEY,
        provider: 'team-a/llama',
        state: { phase: 'Ready', message: '' } as const,
        replicas: { ready: state.ready, desired: 3 },
        accelerator: undefined,
        url: undefined,
      },
    ].slice(0, state.services);
  const loop = startSignalLoop({
    services,
    gather: async () => {
      state.gathered++;
      return new Map(state.load ? [[KEY, state.load]] : []);
    },
    send: async (report) => void reports.push(report),
    clock,
    random: () => 0.5,
    logger,
    intervalMs: INTERVAL,
    ...more,
  });
  const advance = async (ms: number) => {
    await settle();
    await clock.advance(ms);
    await settle();
  };
  return { clock, reports, lines, state, loop, advance };
}

const said = ({ signals }: SignalReport) => signals.map(({ ready, waiting }) => `${ready} ready, ${waiting} waiting`);

describe('the reports to an edge', () => {
  it('go out each interval, and outlive two that are lost', async () => {
    const { reports, state, loop, advance } = bench();
    await advance(BURST);
    state.load = { waiting: 2 };
    await advance(INTERVAL);
    state.load = undefined;
    await advance(INTERVAL);
    await loop.stop();

    expect(reports.map(said)).toEqual([['3 ready, 7 waiting'], ['3 ready, 2 waiting'], ['3 ready, undefined waiting']]);
    expect(reports.map(({ ttlMs }) => ttlMs)).toEqual([15_000, 15_000, 15_000]);
    expect(state.gathered).toBe(3);
  });

  it('go out at once when readiness changes, with the load that was known last, once for a burst', async () => {
    const { reports, state, loop, advance } = bench();
    await advance(BURST);
    state.ready = 2;
    loop.changed();
    await settle();
    state.ready = 1;
    loop.changed();
    await advance(BURST);
    await loop.stop();

    expect(reports.map(said)).toEqual([['3 ready, 7 waiting'], ['1 ready, 7 waiting']]);
    expect(state.gathered).toBe(1);
  });

  it('are held back by no pod that is slow to answer, and none is asked twice at a time', async () => {
    let asked = 0;
    const { reports, loop, advance, state } = bench({
      gather: async (_, signal) => {
        asked++;
        return new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('aborted'))));
      },
    });
    await advance(BURST);
    state.ready = 0;
    loop.changed();
    await advance(INTERVAL * 3);
    await loop.stop();

    expect(reports.map(said)).toEqual([['3 ready, undefined waiting'], ['0 ready, undefined waiting']]);
    expect(asked).toBe(1);
  });

  it('tell of readiness where the load cannot be learnt at all', async () => {
    const { reports, lines, loop, advance } = bench({
      gather: async () => {
        throw new Error('broken');
      },
    });
    await advance(BURST);
    await loop.stop();

    expect(reports.map(said)).toEqual([['3 ready, undefined waiting']]);
    expect(lines).toEqual(['error: the load of inference services cannot be gathered']);
  });

  it('that the edge does not take are gone, and spoken of when it begins and when it ends', async () => {
    let isRefused = true;
    const taken: SignalReport[] = [];
    const { lines, loop, advance, state } = bench({
      send: async (report) => {
        if (isRefused) throw new Error('503');
        taken.push(report);
      },
    });
    await advance(BURST);
    await advance(INTERVAL);
    await advance(INTERVAL);
    isRefused = false;
    state.load = { waiting: 1 };
    await advance(INTERVAL);
    await loop.stop();

    expect(taken.map(said)).toEqual([['3 ready, 1 waiting']]);
    expect(lines).toEqual([
      'warn: the edge does not take signals; it goes on without',
      'info: the edge takes signals again',
    ]);
  });

  it('that hang are given up after ten seconds', async () => {
    let sent = 0;
    const { lines, loop, advance } = bench({
      send: async (_, signal) => {
        sent++;
        return new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('aborted'))));
      },
    });
    await advance(BURST);
    await advance(10_000);
    await advance(BURST);
    await loop.stop();

    expect(sent).toBe(2);
    expect(lines).toEqual(['warn: the edge does not take signals; it goes on without']);
  });

  it('are none where there is no inference service, but one when the last has gone', async () => {
    const { reports, state, loop, advance } = bench();
    await advance(BURST);
    state.services = 0;
    await advance(INTERVAL);
    await advance(INTERVAL);
    await loop.stop();

    expect(reports.map(said)).toEqual([['3 ready, 7 waiting'], []]);
  });

  it('come a little earlier and later, so that agents do not report in step', async () => {
    const numbers = [0, 1];
    const { clock, loop, advance } = bench({ random: () => numbers.shift() ?? 0.5 });
    await advance(BURST);
    await advance(4_500);
    await loop.stop();

    expect(clock.waits.filter((ms) => ms > 1_000 && ms < 10_000)).toEqual([4_500, 5_500]);
  });

  it('end when they are stopped, with nothing left that waits', async () => {
    const { reports, clock, loop, advance } = bench();
    await advance(BURST);
    await loop.stop();
    loop.changed();
    await advance(60_000);

    expect(reports).toHaveLength(1);
    expect(clock.next()).toBe(Infinity);
  });
});
