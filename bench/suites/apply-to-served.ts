import { setTimeout as sleep } from 'node:timers/promises';
import { PROGRAMS, findProgram } from '../../test/envtest/programs.ts';
import { startKubernetesWorld, type KubernetesWorld } from '../../test/support/kubernetes-world.ts';
import { median, percentile } from '../statistics.ts';
import type { ResultRow, Suite } from '../suite.ts';
import { untilAllServeTheSame, untilOther } from '../until-served.ts';

/**
 * From `kubectl apply` to the first answer by the new table, at every isolate: real API server, real agent, real workerd,
 * each a process of its own.
 */
export const applyToServedSuite: Suite = {
  name: 'apply-to-served',
  does: 'time from kubectl apply to the revision that two isolates serve, and to the condition Programmed',
  run: async ({ quick, progress }) => {
    const missing = PROGRAMS.filter((program) => findProgram(program) === undefined);
    if (missing.length > 0)
      return { tables: [], unavailable: `${missing.join(', ')} not there: npm run envtest:install` };
    const changes = quick ? 5 : 50;
    progress(`apply-to-served: ${changes} changes, 2 isolates`);
    const world = await startKubernetesWorld();
    try {
      const rows = await measure(world, changes);
      return { tables: [{ title: `kubectl apply to served by two isolates, ${changes} changes`, columns, rows }] };
    } finally {
      await world.dispose();
    }
  },
};

const columns = [
  { key: 'from', heading: 'from' },
  { key: 'to', heading: 'to' },
  { key: 'p50', heading: 'p50 ms' },
  { key: 'p99', heading: 'p99 ms' },
  { key: 'most', heading: 'most ms' },
];

/** When each thing was there, in milliseconds since kubectl was started. */
interface Times {
  readonly applied: number;
  readonly served: number;
  readonly programmed: number;
}

async function measure(world: KubernetesWorld, changes: number): Promise<ResultRow[]> {
  const { clientKey: key, model } = world.edgeUnderTest.cluster;
  const { urls } = world.edge;
  await world.write(0);
  world.startAgent();
  await world.programmed(`aimodel/${model}`);
  const all: Times[] = [];
  for (let step = 1; step <= changes; step++) {
    const before = await untilAllServeTheSame(urls, key);
    const start = performance.now();
    const applying = world.write(step).then(() => performance.now() - start);
    const [applied, ...served] = await Promise.all([
      applying,
      ...urls.map((url) => untilOther(before, { url, key }, start)),
    ]);
    await world.programmed(`aimodel/${model}`);
    all.push({ applied, served: Math.max(...served), programmed: performance.now() - start });
    // So that changes fall anywhere between two questions of an isolate to the hub.
    await sleep((step * 37) % 500);
  }
  const row = (from: string, to: string, times: readonly number[]): ResultRow => ({
    from,
    to,
    p50: Math.round(median(times)),
    p99: Math.round(percentile(times, 99)),
    most: Math.round(Math.max(...times)),
  });
  return [
    row(
      'kubectl starts',
      'kubectl has ended',
      all.map(({ applied }) => applied),
    ),
    row(
      'kubectl starts',
      'served by both isolates',
      all.map(({ served }) => served),
    ),
    row(
      'kubectl has ended',
      'served by both isolates',
      all.map(({ applied, served }) => Math.max(0, served - applied)),
    ),
    row(
      'kubectl starts',
      'kubectl wait says Programmed',
      all.map(({ programmed }) => programmed),
    ),
  ];
}
