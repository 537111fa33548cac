import { parseArgs } from 'node:util';

import { passThrough, streamMeter } from './candidate.ts';
import type { Candidate } from './candidate.ts';
import { fairlead } from './fairlead-candidate.ts';
import { newReport, renderReport } from './report.ts';
import type { Suite, SuiteResult } from './suite.ts';
import { applyToServedSuite } from './suites/apply-to-served.ts';
import { bundleSizeSuite } from './suites/bundle-size.ts';
import { compileSuite } from './suites/compile.ts';
import { editToServedSuite } from './suites/edit-to-served.ts';
import { endpointLostSuite } from './suites/endpoint-lost.ts';
import { hubLoadSuite } from './suites/hub-load.ts';
import { largeClusterSuite } from './suites/large-cluster.ts';
import { pickUpSuite } from './suites/pick-up.ts';
import { requestsSuite } from './suites/requests.ts';
import { signalsSuite } from './suites/signals.ts';
import { slowStreamsSuite } from './suites/slow-streams.ts';
import { wireSuite } from './suites/wire.ts';

/** `npm run bench`: measures Fairlead beside the least and the obvious that one could run instead. */

const suites: readonly Suite[] = [
  requestsSuite,
  slowStreamsSuite,
  editToServedSuite,
  applyToServedSuite,
  endpointLostSuite,
  largeClusterSuite,
  compileSuite,
  pickUpSuite,
  wireSuite,
  hubLoadSuite,
  signalsSuite,
  bundleSizeSuite,
];

const candidates: readonly Candidate[] = [passThrough, streamMeter, fairlead];

const help = `Usage: npm run bench -- [options]

  --suite NAME       only this one; may be given several times
  --candidate NAME   only this one; may be given several times
  --quick            fewer, shorter rounds: to see that it works, not to quote
  --json             one JSON document instead of tables

Suites:
${suites.map((suite) => `  ${suite.name.padEnd(17)}${suite.does}`).join('\n')}

Candidates:
${candidates.map((candidate) => `  ${candidate.name.padEnd(17)}${candidate.does}`).join('\n')}
`;

async function main(): Promise<void> {
  const { values: flags } = parseArgs({
    options: {
      suite: { type: 'string', multiple: true },
      candidate: { type: 'string', multiple: true },
      quick: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (flags.help === true) {
    process.stdout.write(help);
    return;
  }
  const results: Record<string, SuiteResult> = {};
  const context = { candidates: choose(candidates, flags.candidate), quick: flags.quick, progress };
  for (const suite of choose(suites, flags.suite)) {
    results[suite.name] = await suite.run(context);
  }
  const report = newReport(new Date(), flags.quick, results);
  process.stdout.write(flags.json ? `${JSON.stringify(report, null, 2)}\n` : renderReport(report));
}

function progress(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Those that were named, all if none was. */
function choose<T extends { name: string }>(from: readonly T[], names: readonly string[] | undefined): readonly T[] {
  if (names === undefined) return from;
  return names.map((name) => {
    const chosen = from.find((candidate) => candidate.name === name);
    if (chosen !== undefined) return chosen;
    throw new Error(`There is no ${name}. There are: ${from.map((candidate) => candidate.name).join(', ')}.`);
  });
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
