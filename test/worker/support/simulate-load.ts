import { orderBackends, type OrderedBackend } from '../../../worker/pipeline/order-backends.ts';
import type { ServiceSignal } from '../../../worker/upstream/service-signal.ts';
import { backendEntry } from './table-of-entries.ts';

/** A service whose replicas work on so many requests at once; `slowness` 2 takes twice as long for each. */
export interface SimulatedService {
  readonly replicas: number;
  readonly slots: number;
  readonly slowness: number;
}

export interface Simulation {
  readonly services: readonly SimulatedService[];
  /** Share of what all services could do. */
  readonly utilisation: number;
  /** Seconds between two rounds of signals, and between two polls of an isolate: what is known is up to twice as old. */
  readonly signalSeconds: number;
  readonly choose: Choose;
  readonly seed: number;
}

/** @returns the number of the service that a request goes to */
export type Choose = (key: string, known: readonly ServiceSignal[] | undefined) => number;

export interface SimulationResult {
  /** Seconds in a queue. */
  readonly meanWait: number;
  readonly p99Wait: number;
  /** The longest queue of any service, a replica. */
  readonly longestQueue: number;
  /** Share of the requests that went where their conversation goes when nothing is known. */
  readonly kept: number;
}

const ISOLATES = 20;
const CONVERSATIONS = 400;
const SERVICE_SECONDS = 5;
const SECONDS = 600;
/** Not measured, until queues are what they become. */
const WARM_UP_SECONDS = 60;
const TICK_SECONDS = 0.05;

interface Running {
  readonly queue: { readonly since: number; readonly seconds: number }[];
  ends: number[];
}

/** Ten minutes of requests of 400 conversations to 20 isolates, each with signals of its own age. */
export function simulate(simulation: Simulation): SimulationResult {
  const { services, choose, signalSeconds, seed } = simulation;
  const random = randomOf(seed);
  const capacity = services.reduce((sum, service) => sum + slotsOf(service) / service.slowness, 0) / SERVICE_SECONDS;
  const perTick = simulation.utilisation * capacity * TICK_SECONDS;
  const running = services.map((): Running => ({ queue: [], ends: [] }));
  const phases = Array.from({ length: ISOLATES }, () => random() * signalSeconds);
  const known: (readonly ServiceSignal[] | undefined)[] = Array.from({ length: ISOLATES });
  const polls = Array.from({ length: ISOLATES }, () => -1);
  let gathered: readonly ServiceSignal[] | undefined;
  const waits: number[] = [];
  let [kept, all, longestQueue] = [0, 0, 0];
  for (let tick = 0; tick * TICK_SECONDS < SECONDS; tick++) {
    const now = tick * TICK_SECONDS;
    if (tick % Math.round(signalSeconds / TICK_SECONDS) === 0) gathered = services.map((s, i) => told(s, running[i]));
    for (const [isolate, phase] of phases.entries()) {
      const poll = Math.floor((now + phase) / signalSeconds);
      if (polls[isolate] !== poll) known[isolate] = gathered;
      polls[isolate] = poll;
    }
    for (const [i, service] of services.entries()) waits.push(...work(service, running[i], now));
    for (let arrivals = poisson(perTick, random); arrivals > 0; arrivals--) {
      const key = `conversation ${Math.floor(random() * CONVERSATIONS)}`;
      const chosen = choose(key, known[Math.floor(random() * ISOLATES)]);
      all += 1;
      if (chosen === byKey(services.length)(key, undefined)) kept += 1;
      running[chosen]?.queue.push({ since: now, seconds: -Math.log(1 - random()) * SERVICE_SECONDS });
    }
    if (now > WARM_UP_SECONDS)
      for (const [i, { replicas }] of services.entries())
        longestQueue = Math.max(longestQueue, (running[i]?.queue.length ?? 0) / replicas);
  }
  waits.sort((a, b) => a - b);
  return {
    meanWait: waits.reduce((sum, wait) => sum + wait, 0) / waits.length,
    p99Wait: waits[Math.floor(waits.length * 0.99)] ?? 0,
    longestQueue,
    kept: kept / all,
  };
}

/** As an isolate orders them. */
export function byKey(count: number): Choose {
  const backends = Array.from({ length: count }, (_, i) => placed(i));
  return (key, known) => {
    const serviceOf = known && (({ backend }: OrderedBackend) => known[Number(backend.name)]);
    const [first] = orderBackends(backends, () => key, { serviceOf });
    return Number(first?.backend.name);
  };
}

function placed(number: number): OrderedBackend {
  return { backend: backendEntry({ name: String(number) }), home: { cluster: 'prod' } };
}

function slotsOf({ replicas, slots }: SimulatedService): number {
  return replicas * slots;
}

function told(service: SimulatedService, running: Running | undefined): ServiceSignal {
  const waiting = running?.queue.length ?? 0;
  const cacheUse = Math.min(1, (running?.ends.length ?? 0) / slotsOf(service));
  return { ready: service.replicas, desired: service.replicas, cold: false, load: { waiting, cacheUse } };
}

/** Ends what is done and begins what waits; gives how long that waited. */
function work(service: SimulatedService, running: Running | undefined, now: number): number[] {
  if (!running) return [];
  running.ends = running.ends.filter((end) => end > now);
  const begun = running.queue.splice(0, slotsOf(service) - running.ends.length);
  running.ends.push(...begun.map(({ seconds }) => now + seconds * service.slowness));
  return begun.filter(({ since }) => since > WARM_UP_SECONDS).map(({ since }) => now - since);
}

/** mulberry32: the same at each run. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function poisson(mean: number, random: () => number): number {
  const least = Math.exp(-mean);
  let count = 0;
  for (let product = random(); product > least; product *= random()) count++;
  return count;
}
