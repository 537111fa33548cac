import { onTestFinished } from 'vitest';
import { createAgent, type AgentOptions } from '../../../sync-agent/agent.ts';
import { systemClock, type Clock } from '../../../sync-agent/clock.ts';
import { silentLogger } from '../../../sync-agent/log.ts';
import { fakeEdge } from './edge-bench.ts';
import { EventRecorder } from './event-recorder.ts';
import type { FakeEdge } from './fake-edge.ts';
import { MemorySource, smallTable } from './local-resources.ts';
import { settle, type ManualClock } from './manual-clock.ts';

export interface RunningAgent {
  readonly source: MemorySource;
  readonly edge: FakeEdge;
  readonly events: EventRecorder;
  readonly ended: Promise<void>;
  readonly stop: () => Promise<void>;
}

/** An agent on resources in memory and an edge in memory, stopped after the test. */
export function startAgent(
  resources = smallTable(),
  {
    edge = fakeEdge(),
    source = new MemorySource(resources),
    ...options
  }: Partial<AgentOptions> & {
    edge?: FakeEdge;
    source?: MemorySource;
    clock?: Clock;
  } = {},
): RunningAgent {
  const events = new EventRecorder();
  const stopping = new AbortController();
  const timing = options.clock ? {} : { debounceMs: 1, maximumWaitMs: 5 };
  const agent = createAgent({
    source,
    sink: events,
    logger: silentLogger,
    fetch: edge.fetch,
    random: () => 1,
    clock: { now: edge.now, wait: (ms, signal) => systemClock.wait(ms, signal) },
    ...timing,
    ...options,
  });
  const ended = agent.run(stopping.signal);
  ended.catch(() => undefined);
  const stop = async () => {
    stopping.abort(new Error('the test is over'));
    await ended;
  };
  // Not a hook of this module: files share it, and it would be one of the first file's tests only.
  onTestFinished(() => stop().catch(() => undefined));
  return { source, edge, events, ended, stop };
}

/** What `manualClock` is told, so that no call of a test is ever given up. */
export const isDeadline = (ms: number) => ms === 10_000;

/** Moves the clock on until it has happened. */
export async function advanceUntil<T>(clock: ManualClock, wanted: Promise<T>, stepMs: number): Promise<T> {
  const over = new AbortController();
  wanted.then(
    () => over.abort(),
    () => over.abort(),
  );
  await settle();
  for (let step = 0; !over.signal.aborted && step < 5000; step++) {
    await clock.advance(stepMs);
    await settle();
  }
  return wanted;
}

/** Resolves once the agent has read the source that often, and is through with it. */
export async function untilObserved(source: MemorySource, times: number): Promise<void> {
  while (source.observed < times) await settle();
  await settle();
}
