import { connect } from 'node:net';

import type { RunningCandidate } from '../candidate.ts';
import { chatBody } from '../chat-body.ts';
import type { Workload } from '../chat-body.ts';
import { advance, newProgress, renderRequest } from '../load.ts';
import type { LoadTarget } from '../load.ts';
import { residentBytes } from '../process-usage.ts';
import { percentile } from '../statistics.ts';
import type { ResultRow, Suite } from '../suite.ts';
import { withCandidates } from '../with-candidates.ts';

/** The longest silence between two chunks of one stream, and whether it came to its end. */
type StreamOutcome = { longestGapMs: number; isComplete: boolean };

const megabyte = 2 ** 20;

export const slowStreamsSuite: Suite = {
  name: 'slow-streams',
  does: 'memory of many concurrent slow streams, and whether any of them stalls',
  run: async ({ candidates, quick, progress }) => {
    const plan = quick
      ? { streams: 64, model: 'steady' as const, chunkMs: 100 }
      : { streams: 512, model: 'slow' as const, chunkMs: 500 };
    const rows = await withCandidates(candidates, async (running) => {
      const measured = [];
      for (const candidate of running) {
        progress(`slow-streams: ${plan.streams} at ${candidate.name}`);
        measured.push(await measureCandidate(candidate, plan));
      }
      return measured;
    });
    return { tables: [{ title: `${plan.streams} concurrent streams`, columns, rows }] };
  },
};

const columns = [
  { key: 'candidate', heading: 'candidate' },
  { key: 'megabytesBefore', heading: 'MB before' },
  { key: 'megabytesAtMost', heading: 'MB at most' },
  { key: 'kilobytesPerStream', heading: 'KB/stream' },
  { key: 'complete', heading: 'complete' },
  { key: 'stalled', heading: 'stalled' },
  { key: 'longestGapP99', heading: 'p99 of longest gap, ms' },
];

async function measureCandidate(
  candidate: RunningCandidate,
  plan: { streams: number; model: Workload['model']; chunkMs: number },
): Promise<ResultRow> {
  const target = { ...candidate, body: chatBody({ stream: true, model: plan.model }) };
  const before = await residentBytes(candidate.pid);
  let most = before;
  const sample = async () => {
    most = Math.max(most, await residentBytes(candidate.pid));
  };
  const sampling = setInterval(() => {
    void sample();
  }, 250);
  const outcomes = await Promise.all(Array.from({ length: plan.streams }, () => readStream(target)));
  clearInterval(sampling);
  return {
    candidate: candidate.name,
    megabytesBefore: Math.round(before / megabyte),
    megabytesAtMost: Math.round(most / megabyte),
    kilobytesPerStream: Math.round((most - before) / plan.streams / 1024),
    complete: outcomes.filter((outcome) => outcome.isComplete).length,
    // Three chunks late is more than a busy machine explains.
    stalled: outcomes.filter((outcome) => outcome.longestGapMs > 3 * plan.chunkMs).length,
    longestGapP99: Math.round(
      percentile(
        outcomes.map((outcome) => outcome.longestGapMs),
        99,
      ),
    ),
  };
}

async function readStream(target: LoadTarget): Promise<StreamOutcome> {
  return new Promise((resolve) => {
    const socket = connect(target.port, '127.0.0.1');
    let progress = newProgress();
    let lastAt = 0;
    let longestGapMs = 0;
    socket.on('connect', () => socket.write(renderRequest(target)));
    socket.on('data', (part) => {
      const now = performance.now();
      if (progress.hasBody) longestGapMs = Math.max(longestGapMs, now - lastAt);
      lastAt = now;
      progress = advance(progress, part);
      if (progress.isComplete || progress.isRefused) socket.destroy();
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      resolve({ longestGapMs, isComplete: progress.isComplete });
    });
  });
}
