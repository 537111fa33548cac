import { expect, test } from 'vitest';
import { runFairlead } from '../support/run-fairlead.ts';

test.each([['--help'], ['dev', '--help'], ['compile', '--help'], ['explain', '--help'], ['keygen', '--help']])(
  'fairlead %s %s says what the exit codes mean',
  async (...args) => {
    const { code, stdout } = await runFairlead(args);
    expect(code).toBe(0);
    expect(stdout).toContain('Usage: fairlead');
    expect(stdout).toContain('3   this machine stands in the way');
  },
);

test.each([
  ['no command', []],
  ['an unknown command', ['bogus']],
  ['an unknown option', ['compile', '.', '--bogus']],
  ['a missing argument', ['compile']],
  ['a port that is none', ['dev', '--port', '99999']],
  ['a kind of key that there is not', ['keygen', 'bogus']],
])('%s is a usage error', async (_what, args) => {
  const { code, stderr } = await runFairlead(args);
  expect(code).toBe(2);
  expect(stderr).not.toMatch(/^\s+at /m);
});
