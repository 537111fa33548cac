import { setTimeout as sleep } from 'node:timers/promises';
import { PROGRAMS, findProgram } from '../../test/envtest/programs.ts';
import { startKubernetesWorld, type KubernetesWorld } from '../../test/support/kubernetes-world.ts';
import type { ResultRow, Suite } from '../suite.ts';
import { TIMES_COLUMNS, timesRow } from '../times-table.ts';
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
      return {
        tables: [
          { title: `kubectl apply to served by two isolates, ${changes} changes`, columns: TIMES_COLUMNS, rows },
        ],
      };
    } finally {
      await world.dispose();
    }
  },
};

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
  return [
    timesRow(
      'kubectl starts',
      'kubectl has ended',
      all.map(({ applied }) => applied),
    ),
    timesRow(
      'kubectl starts',
      'served by both isolates',
      all.map(({ served }) => served),
    ),
    timesRow(
      'kubectl has ended',
      'served by both isolates',
      all.map(({ applied, served }) => Math.max(0, served - applied)),
    ),
    timesRow(
      'kubectl starts',
      'kubectl wait says Programmed',
      all.map(({ programmed }) => programmed),
    ),
  ];
}
