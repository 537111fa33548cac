import { arch, cpus, platform, totalmem } from 'node:os';

import type { ResultTable, SuiteResult } from './suite.ts';

/** All that one run found, as `--json` prints it. */
export type Report = {
  at: string;
  machine: { platform: string; cpu: string; cpus: number; memoryGiB: number; node: string };
  quick: boolean;
  suites: Record<string, SuiteResult>;
};

export function newReport(at: Date, quick: boolean, suites: Report['suites']): Report {
  const machine = {
    platform: `${platform()} ${arch()}`,
    cpu: cpus()[0]?.model ?? 'unknown',
    cpus: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.version,
  };
  return { at: at.toISOString(), machine, quick, suites };
}

/** Markdown, so that it reads well in a terminal and can be pasted into RESULTS.md as it is. */
export function renderReport(report: Report): string {
  const { machine } = report;
  const sections = Object.entries(report.suites).flatMap(([name, result]) => [
    `## ${name}`,
    ...(result.unavailable === undefined ? [] : [`Not measured: ${result.unavailable}.`]),
    ...result.tables.map(renderTable),
  ]);
  return [
    `${report.at}, ${machine.platform}, ${machine.cpus} x ${machine.cpu}, ` +
      `${machine.memoryGiB} GiB, Node ${machine.node}` +
      (report.quick ? ', quick run: not to be quoted' : ''),
    ...sections,
    '',
  ].join('\n\n');
}

function renderTable(table: ResultTable): string {
  const headings = table.columns.map((column) => column.heading);
  const cells = table.rows.map((row) => table.columns.map((column) => String(row[column.key] ?? '')));
  const widths = headings.map((heading, at) => Math.max(heading.length, ...cells.map((row) => row[at]?.length ?? 0)));
  const line = (row: readonly string[]) => `| ${row.map((cell, at) => pad(cell, widths[at] ?? 0, at)).join(' | ')} |`;
  const rule = widths.map((width, at) => (at === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`));
  return [`### ${table.title}`, '', line(headings), line(rule), ...cells.map(line)].join('\n');
}

/** Names to the left, numbers to the right. */
function pad(cell: string, width: number, column: number): string {
  return column === 0 ? cell.padEnd(width) : cell.padStart(width);
}
