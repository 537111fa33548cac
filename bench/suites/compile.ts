import { measureAgentMemory } from '../agent-memory.ts';
import { benchCompile } from '../compile.ts';
import type { FolderShape } from '../large-edge.ts';
import { median } from '../statistics.ts';
import type { ResultRow, Suite } from '../suite.ts';

const SHAPES = [
  { shape: 'namespace', what: 'a file for each namespace' },
  { shape: 'resource', what: 'a file for each resource' },
] as const satisfies { shape: FolderShape; what: string }[];

export const compileSuite: Suite = {
  name: 'compile',
  does: 'compiling 10,000 resources, one change among them, and the memory of a whole agent',
  run: async ({ quick, progress }) => {
    progress('compile: 10,000 resources');
    const { resources, firstMs, changes } = await benchCompile();
    const rows = changes.map(({ change, ...times }) => ({ change, ...rounded(times) }));
    const memory: ResultRow[] = [];
    for (const { shape, what } of SHAPES) memory.push(await memoryRow(shape, what, quick ? 1 : 3, progress));
    return {
      tables: [
        { title: 'compiling from scratch', columns: firstColumns, rows: [rounded({ resources, firstMs })] },
        { title: 'one change among 10,000 resources, to bytes', columns: changeColumns, rows },
        { title: 'a whole agent with 10,000 resources', columns: memoryColumns, rows: memory },
      ],
    };
  },
};

async function memoryRow(
  shape: FolderShape,
  folder: string,
  runs: number,
  progress: (line: string) => void,
): Promise<ResultRow> {
  const measured = [];
  for (let run = 0; run < runs; run += 1) {
    progress(`compile: memory of an agent, ${folder}`);
    measured.push(await measureAgentMemory(shape));
  }
  const served = measured.map((run) => run.served);
  const peaks = measured.map(({ peak }) => peak);
  const times = measured.map(({ cpuSeconds }) => cpuSeconds);
  const figures = { served: median(served), mostServed: Math.max(...served), peak: Math.max(...peaks) };
  return { folder, files: measured[0]?.files ?? 0, runs, ...rounded({ ...figures, cpuSeconds: median(times) }) };
}

function rounded<K extends string>(figures: Record<K, number>): Record<string, number> {
  return Object.fromEntries(
    Object.entries<number>(figures).map(([key, value]) => [key, Math.round(value * 100) / 100]),
  );
}

const firstColumns = [
  { key: 'resources', heading: 'resources' },
  { key: 'firstMs', heading: 'ms' },
];

const changeColumns = [
  { key: 'change', heading: 'change' },
  { key: 'p50Ms', heading: 'p50 ms' },
  { key: 'p99Ms', heading: 'p99 ms' },
  { key: 'mostMs', heading: 'most ms' },
];

const memoryColumns = [
  { key: 'folder', heading: 'folder' },
  { key: 'files', heading: 'files' },
  { key: 'runs', heading: 'runs' },
  { key: 'served', heading: 'MB when served' },
  { key: 'mostServed', heading: 'most of the runs' },
  { key: 'peak', heading: 'MB at most ever' },
  { key: 'cpuSeconds', heading: 'CPU s' },
];
