import { benchCompile } from '../compile.ts';
import type { Suite } from '../suite.ts';

export const compileSuite: Suite = {
  name: 'compile',
  does: 'compiling 10,000 resources, and one change among them',
  run: async ({ progress }) => {
    progress('compile: 10,000 resources');
    const figures = await benchCompile();
    const rows = Object.entries(figures).map(([figure, value]) => ({ figure, value: Math.round(value * 100) / 100 }));
    return { tables: [{ title: 'compiling 10,000 resources', columns, rows }] };
  },
};

const columns = [
  { key: 'figure', heading: 'figure' },
  { key: 'value', heading: 'value' },
];
