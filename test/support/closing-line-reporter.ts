import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { Reporter, TestModule } from 'vitest/node';

/**
 * Prints `N passed, N failed, N skipped` as the last line, counted from what the runner ran. Where several runs make one
 * whole, the file that FAIRLEAD_TEST_COUNTS names carries the counts from each to the next.
 */
export default class ClosingLineReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const counts = { passed: 0, failed: unhandledErrors.length, skipped: 0, pending: 0 };
    for (const module of modules) {
      // A file that fails to load runs no test, and must not look like one that has none.
      counts.failed += module.errors().length;
      for (const test of module.children.allTests()) counts[test.result().state] += 1;
    }
    counts.skipped += counts.pending;
    const all = withEarlierRuns(counts);
    // After every other reporter: the default one prints its summary in the same turn.
    process.once('exit', () =>
      process.stdout.write(`${all.passed} passed, ${all.failed} failed, ${all.skipped} skipped\n`),
    );
  }
}

type Counts = Readonly<Record<'passed' | 'failed' | 'skipped', number>>;

function withEarlierRuns({ passed, failed, skipped }: Counts): Counts {
  const file = process.env['FAIRLEAD_TEST_COUNTS'];
  if (file === undefined) return { passed, failed, skipped };
  const before: Counts = existsSync(file)
    ? JSON.parse(readFileSync(file, 'utf8'))
    : { passed: 0, failed: 0, skipped: 0 };
  const all = {
    passed: before.passed + passed,
    failed: before.failed + failed,
    skipped: before.skipped + skipped,
  };
  writeFileSync(file, JSON.stringify(all));
  return all;
}
