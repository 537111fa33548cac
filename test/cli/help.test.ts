import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { runFairlead, spawnFairlead } from '../support/run-fairlead.ts';

const COMMANDS = ['dev', 'compile', 'explain', 'status', 'diff', 'history', 'rollback', 'evict', 'keygen', 'keys'];

test.each([['--help'], ['keys', 'rotate', '--help'], ...COMMANDS.map((command) => [command, '--help'])])(
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
  ['more isolates than a machine should run', ['dev', '--isolates', '9']],
  ['keys with nothing to do to them', ['keys']],
  ['an unknown thing to do to keys', ['keys', 'bogus']],
  ['a revision and --undo', ['rollback', '.', 'abcd', '--undo']],
  ['an eviction of nobody in particular', ['evict', '.', '--yes']],
  ['a folder without an edge to ask', ['status', 'docs']],
])('%s is a usage error', async (_what, args) => {
  const { code, stderr } = await runFairlead(args);
  expect(code).toBe(2);
  expect(stderr).not.toMatch(/^\s+at /m);
});

test('a reader that has seen enough, such as `head`, is no fault', async () => {
  const child = spawnFairlead(['--help']);
  child.stdout.destroy();
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  expect(await text(child.stderr)).toBe('');
  expect(await ended).toBe(0);
});
