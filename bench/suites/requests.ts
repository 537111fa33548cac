import { passThrough, streamMeter } from '../candidate.ts';
import type { RunningCandidate } from '../candidate.ts';
import { chatBody } from '../chat-body.ts';
import type { Workload } from '../chat-body.ts';
import { runLoad } from '../load.ts';
import { cpuMicroseconds } from '../process-usage.ts';
import { median, medianRatio, percentile } from '../statistics.ts';
import type { ResultRow, ResultTable, Suite } from '../suite.ts';
import { withCandidates } from '../with-candidates.ts';

type Scenario = { title: string; workload: Workload; connections: number };

/** One candidate's turn in one round. Times in microseconds. */
type Turn = { cpu: number; rate: number; p50: number; p99: number; firstByte: number };

const whole: Workload = { stream: false, model: 'bench' };
const bursts: Workload = { stream: true, model: 'bench' };
const paced: Workload = { stream: true, model: 'paced' };

const scenarios: readonly Scenario[] = [
  { title: 'not streamed, 1 connection', workload: whole, connections: 1 },
  { title: 'not streamed, 32 connections', workload: whole, connections: 32 },
  { title: 'streamed in bursts, 1 connection', workload: bursts, connections: 1 },
  { title: 'streamed in bursts, 32 connections', workload: bursts, connections: 32 },
  { title: 'streamed, a chunk each 5 ms, 32 connections', workload: paced, connections: 32 },
];

export const requestsSuite: Suite = {
  name: 'requests',
  does: 'CPU, rate, latency and first byte of requests, streamed and not',
  run: async ({ candidates, quick, progress }) => {
    const plan = quick ? { rounds: 3, seconds: 0.5 } : { rounds: 15, seconds: 1 };
    const tables = await withCandidates(candidates, async (running) => {
      const measured: ResultTable[] = [];
      for (const scenario of scenarios) {
        progress(`requests: ${scenario.title}`);
        measured.push(await measureScenario(scenario, running, plan));
      }
      return measured;
    });
    return { tables };
  },
};

/**
 * Candidates take short turns, and each round begins with another of them: what the machine does
 * besides falls on all alike, and the ratios of a round are of neighbours in time.
 */
async function measureScenario(
  scenario: Scenario,
  running: readonly RunningCandidate[],
  plan: { rounds: number; seconds: number },
): Promise<ResultTable> {
  const turns = new Map<string, Turn[]>(running.map((candidate) => [candidate.name, []]));
  for (const candidate of running) await takeTurn(scenario, candidate, plan.seconds);
  for (let round = 0; round < plan.rounds; round += 1) {
    const first = round % running.length;
    for (const candidate of [...running.slice(first), ...running.slice(0, first)]) {
      const turn = await takeTurn(scenario, candidate, plan.seconds);
      turns.get(candidate.name)?.push(turn);
    }
  }
  const bare = turns.get(passThrough.name) ?? [];
  const meter = turns.get(streamMeter.name) ?? [];
  return {
    title: scenario.title,
    columns,
    rows: [...turns].map(([name, taken]) => resultRow(name, taken, bare, meter)),
  };
}

const columns = [
  { key: 'candidate', heading: 'candidate' },
  { key: 'cpuMicroseconds', heading: 'cpu us/request' },
  { key: 'timesPassThrough', heading: 'x pass-through' },
  { key: 'timesMeter', heading: 'x meter' },
  { key: 'requestsPerSecond', heading: 'requests/s' },
  { key: 'latencyP50', heading: 'p50 us' },
  { key: 'latencyP99', heading: 'p99 us' },
  { key: 'firstByte', heading: 'first byte us' },
  { key: 'firstByteAdded', heading: 'added to first byte us' },
];

function resultRow(name: string, turns: readonly Turn[], bare: readonly Turn[], meter: readonly Turn[]): ResultRow {
  const all = (field: keyof Turn, of = turns) => of.map((turn) => turn[field]);
  const added = turns.map((turn, round) => turn.firstByte - (bare[round]?.firstByte ?? Number.NaN));
  return {
    candidate: name,
    cpuMicroseconds: Math.round(median(all('cpu'))),
    timesPassThrough: rounded(medianRatio(all('cpu'), all('cpu', bare))),
    timesMeter: rounded(medianRatio(all('cpu'), all('cpu', meter))),
    requestsPerSecond: Math.round(median(all('rate'))),
    latencyP50: Math.round(median(all('p50'))),
    latencyP99: Math.round(median(all('p99'))),
    firstByte: Math.round(median(all('firstByte'))),
    firstByteAdded: Math.round(median(added)),
  };
}

async function takeTurn(
  { workload, connections }: Scenario,
  candidate: RunningCandidate,
  seconds: number,
): Promise<Turn> {
  const target = { ...candidate, body: chatBody(workload) };
  const before = await cpuMicroseconds(candidate.pid);
  const load = await runLoad(target, { connections, seconds });
  const after = await cpuMicroseconds(candidate.pid);
  return {
    cpu: (after - before) / load.requests,
    rate: load.requests / load.seconds,
    p50: median(load.latencies),
    p99: percentile(load.latencies, 99),
    firstByte: median(load.firstBytes),
  };
}

function rounded(ratio: number): number {
  return Math.round(ratio * 100) / 100;
}
