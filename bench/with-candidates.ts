import { startUpstream } from './candidate.ts';
import type { Candidate, RunningCandidate } from './candidate.ts';
import { verifyCandidate } from './verify-candidate.ts';

/** Starts an upstream and the candidates before it, verifies them, and stops all at the end. */
export async function withCandidates<T>(
  candidates: readonly Candidate[],
  measure: (running: RunningCandidate[]) => Promise<T>,
): Promise<T> {
  const upstream = await startUpstream();
  const running: RunningCandidate[] = [];
  try {
    for (const candidate of candidates) {
      const server = await candidate.start(upstream.port);
      running.push(server);
      await verifyCandidate(server);
    }
    return await measure(running);
  } finally {
    for (const server of running) await server.stop();
    await upstream.stop();
  }
}
