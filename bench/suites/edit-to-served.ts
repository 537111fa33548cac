import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startUpstream } from '../candidate.ts';
import { benchResources, startFairleadInParts } from '../fairlead-candidate.ts';
import { median, percentile } from '../statistics.ts';
import type { ResultRow, Suite } from '../suite.ts';
import { untilAllServeTheSame, untilOther } from '../until-served.ts';

/**
 * From the saved file to the first answer that a client gets from the new revision, at every isolate: a real agent
 * watches the folder, and a real edge is asked all the time.
 */
export const editToServedSuite: Suite = {
  name: 'edit-to-served',
  does: 'time from a saved file to the revision that every isolate serves, of one and of two',
  run: async ({ quick, progress }) => {
    const edits = quick ? 5 : 50;
    const rows: ResultRow[] = [];
    for (const isolates of [1, 2]) {
      progress(`edit-to-served: ${edits} edits, ${isolates} isolates`);
      const times = await measureEdits(edits, isolates);
      const p50 = Math.round(median(times));
      const p99 = Math.round(percentile(times, 99));
      rows.push({ isolates, edits, p50, p99, most: Math.round(Math.max(...times)) });
    }
    return { tables: [{ title: 'saved file to the revision that all isolates serve', columns, rows }] };
  },
};

/** Of the consumer in bench/resources. */
const KEY = 'sk-bench';

const columns = [
  { key: 'isolates', heading: 'isolates' },
  { key: 'edits', heading: 'edits' },
  { key: 'p50', heading: 'p50 ms' },
  { key: 'p99', heading: 'p99 ms' },
  { key: 'most', heading: 'most ms' },
];

async function measureEdits(edits: number, isolates: number): Promise<number[]> {
  const upstream = await startUpstream();
  try {
    const gateway = await startFairleadInParts(upstream.port, isolates);
    try {
      const resources = await benchResources(upstream.port);
      const times: number[] = [];
      for (let edit = 0; edit < edits; edit += 1) {
        const before = await untilAllServeTheSame(gateway.urls, KEY);
        const saved = performance.now();
        const edited = resources.replace('team: bench', `team: bench-${edit}`);
        await writeFile(path.join(gateway.folder, 'bench.yaml'), edited);
        times.push(
          Math.max(...(await Promise.all(gateway.urls.map((url) => untilOther(before, { url, key: KEY }, saved))))),
        );
        // So that edits fall anywhere between two questions of an isolate to the hub.
        await sleep((edit * 37) % 500);
      }
      return times;
    } finally {
      await gateway.stop();
    }
  } finally {
    await upstream.stop();
  }
}
