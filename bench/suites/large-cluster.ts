import { PROGRAMS, findProgram } from '../../test/envtest/programs.ts';
import { measureLargeCluster } from '../large-cluster.ts';
import { median, percentile } from '../statistics.ts';
import type { Suite } from '../suite.ts';

export const largeClusterSuite: Suite = {
  name: 'large-cluster',
  does: 'a whole agent on a real API server with 10,000 resources: first table, status, memory, one change',
  run: async ({ quick, progress }) => {
    const missing = PROGRAMS.filter((program) => findProgram(program) === undefined);
    if (missing.length > 0)
      return { tables: [], unavailable: `${missing.join(', ')} not there: npm run envtest:install` };
    const { changes, ...figures } = await measureLargeCluster(quick ? 3 : 30, progress);
    const rows = Object.entries(figures).map(([figure, value]) => ({ figure, value: Math.round(value * 10) / 10 }));
    const change = {
      changes: changes.length,
      p50: Math.round(median(changes)),
      p99: Math.round(percentile(changes, 99)),
    };
    return {
      tables: [
        { title: 'a whole agent, 10,000 resources in a cluster', columns: FIGURES, rows },
        { title: 'one change among them, patched to served', columns: CHANGES, rows: [change] },
      ],
    };
  },
};

const FIGURES = [
  { key: 'figure', heading: 'figure' },
  { key: 'value', heading: 'value' },
];

const CHANGES = [
  { key: 'changes', heading: 'changes' },
  { key: 'p50', heading: 'p50 ms' },
  { key: 'p99', heading: 'p99 ms' },
];
