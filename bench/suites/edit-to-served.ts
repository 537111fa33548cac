import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { startUpstream } from '../candidate.ts';
import { benchResources, startFairlead } from '../fairlead-candidate.ts';
import { median, percentile } from '../statistics.ts';
import type { Suite } from '../suite.ts';

/**
 * From the saved file to the first answer that a client gets from the new revision, with a real
 * agent watching the folder and a real edge that is asked all the time.
 */
export const editToServedSuite: Suite = {
  name: 'edit-to-served',
  does: 'time from a saved file to the revision that the edge serves',
  run: async ({ quick, progress }) => {
    const edits = quick ? 5 : 50;
    progress(`edit-to-served: ${edits} edits`);
    const times = await measureEdits(edits);
    const row = {
      edits,
      p50: Math.round(median(times)),
      p99: Math.round(percentile(times, 99)),
      most: Math.round(Math.max(...times)),
    };
    return { tables: [{ title: 'saved file to served revision', columns, rows: [row] }] };
  },
};

const editDeadlineMs = 30_000;

const columns = [
  { key: 'edits', heading: 'edits' },
  { key: 'p50', heading: 'p50 ms' },
  { key: 'p99', heading: 'p99 ms' },
  { key: 'most', heading: 'most ms' },
];

async function measureEdits(edits: number): Promise<number[]> {
  const upstream = await startUpstream();
  try {
    const gateway = await startFairlead(upstream.port, { onAgentEvent: () => undefined });
    try {
      const resources = await benchResources(upstream.port);
      const times: number[] = [];
      for (let edit = 0; edit < edits; edit += 1) {
        const before = await servedRevision(gateway.edge.port);
        const saved = performance.now();
        const edited = resources.replace('team: bench', `team: bench-${edit}`);
        await writeFile(path.join(gateway.folder, 'bench.yaml'), edited);
        times.push(await untilOther(before, gateway.edge.port, saved));
      }
      return times;
    } finally {
      await gateway.edge.stop();
    }
  } finally {
    await upstream.stop();
  }
}

/** Milliseconds since `saved` until the edge answers from another revision. */
async function untilOther(before: string, port: number, saved: number): Promise<number> {
  let elapsed = 0;
  while (elapsed < editDeadlineMs) {
    const revision = await servedRevision(port);
    elapsed = performance.now() - saved;
    if (revision !== before) return elapsed;
  }
  throw new Error(`An edit was not served within ${editDeadlineMs} ms`);
}

async function servedRevision(port: number): Promise<string> {
  const answer = await fetch(`http://127.0.0.1:${port}/v1/models`, { headers: { authorization: 'Bearer sk-bench' } });
  await answer.arrayBuffer();
  return answer.headers.get('x-fairlead-revision') ?? '';
}
