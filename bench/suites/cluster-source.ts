import { isApiServerMissing } from '../../test/envtest/programs.ts';
import { measureClusterSource } from '../cluster-source.ts';
import type { Suite } from '../suite.ts';

export const clusterSourceSuite: Suite = {
  name: 'cluster-source',
  does: 'reading 10,000 resources from a real API server: time, memory, one change',
  run: async ({ quick, progress }) => {
    if (isApiServerMissing()) return { tables: [], unavailable: 'no API server: npm run envtest:install' };
    progress('cluster-source: filling an API server, which takes a minute');
    const measured = await measureClusterSource(quick ? 0.1 : 1);
    const row = Object.fromEntries(
      Object.entries<number>(measured).map(([key, value]) => [key, Math.round(value * 10) / 10]),
    );
    return { tables: [{ title: 'a cluster, read as a pod reads it', columns, rows: [row] }] };
  },
};

const columns = [
  { key: 'resources', heading: 'resources' },
  { key: 'openMs', heading: 'ms until all are known' },
  { key: 'opened', heading: 'MB then' },
  { key: 'peak', heading: 'MB at most until then' },
  { key: 'withStatus', heading: 'MB with their statuses' },
  { key: 'cpuSeconds', heading: 'CPU s' },
  { key: 'changeP50Ms', heading: 'one change, p50 ms' },
  { key: 'changeP99Ms', heading: 'p99 ms' },
];
