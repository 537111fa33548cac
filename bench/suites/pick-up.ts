import { measureColdStarts } from '../cold-isolate.ts';
import { benchPickUp } from '../pick-up.ts';
import { median } from '../statistics.ts';
import type { Suite } from '../suite.ts';

export const pickUpSuite: Suite = {
  name: 'pick-up',
  does: 'one change of 10,000 resources picked up by an isolate, and a cold one until its first answer',
  run: async ({ quick, progress }) => {
    progress('pick-up: in Node');
    const { cold, changes } = await benchPickUp(quick ? 5 : 50);
    const runs = quick ? 2 : 9;
    progress(`pick-up: ${runs} cold isolates in workerd`);
    const starts = await measureColdStarts(runs);
    const withTable = median(starts.map((start) => start.withTable));
    const without = median(starts.map((start) => start.without));
    const added = median(starts.map((start) => start.withTable - start.without));
    const answerMs = median(starts.map((start) => start.answerMs));
    return {
      tables: [
        {
          title: 'one change, by the worker’s pick-up code in Node: CPU, without network and storage',
          columns: changeColumns,
          rows: changes.map(({ change, roundTrips, bytes, cpuP50Ms, cpuP99Ms }) => ({
            change,
            roundTrips,
            bytes,
            p50: hundredths(cpuP50Ms),
            p99: hundredths(cpuP99Ms),
          })),
        },
        {
          title: 'a cold isolate to its first table, by the same code in Node',
          columns: coldColumns,
          rows: [{ ...cold, cpuMs: hundredths(cold.cpuMs) }],
        },
        {
          title: 'a cold isolate in workerd to its first answer: CPU ms of its process',
          columns: startColumns,
          rows: [
            {
              runs,
              withTable: hundredths(withTable),
              without: hundredths(without),
              added: hundredths(added),
              answerMs: hundredths(answerMs),
            },
          ],
        },
      ],
    };
  },
};

function hundredths(value: number): number {
  return Math.round(value * 100) / 100;
}

const changeColumns = [
  { key: 'change', heading: 'change' },
  { key: 'roundTrips', heading: 'sequential round trips' },
  { key: 'bytes', heading: 'bytes' },
  { key: 'p50', heading: 'CPU ms p50' },
  { key: 'p99', heading: 'CPU ms p99' },
];

const coldColumns = [
  { key: 'roundTrips', heading: 'sequential round trips' },
  { key: 'calls', heading: 'calls' },
  { key: 'bytes', heading: 'bytes' },
  { key: 'cpuMs', heading: 'CPU ms' },
];

const startColumns = [
  { key: 'runs', heading: 'runs' },
  { key: 'withTable', heading: 'to an answer from the table' },
  { key: 'without', heading: 'to one without' },
  { key: 'added', heading: 'median difference' },
  { key: 'answerMs', heading: 'answer after ms' },
];
