import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { cp, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Happenings } from '../support/happenings.ts';
import { outputLines } from '../support/output-lines.ts';
import { runFairlead, spawnFairlead } from '../support/run-fairlead.ts';
import { temporaryFolder, type TemporaryFolder } from '../support/temporary-folder.ts';
import { eventually } from '../support/eventually.ts';

describe('operating the gateway of fairlead dev', () => {
  let folder: TemporaryFolder;
  let temporary: TemporaryFolder;
  let child: ChildProcessWithoutNullStreams;
  let lines: Happenings<string>;
  let exited: Promise<number | null>;

  beforeEach(async () => {
    [folder, temporary] = await Promise.all([temporaryFolder(), temporaryFolder()]);
    await cp('examples/quickstart', folder.path, { recursive: true });
  });
  afterEach(async () => {
    child.kill('SIGINT');
    await exited;
    await Promise.all([folder.dispose(), temporary.dispose()]);
  });

  /** @returns the origins that the line `ready` gives */
  const start = async (...args: readonly string[]): Promise<string[]> => {
    child = spawnFairlead(['dev', '--dir', folder.path, '--port', '0', ...args], { TMPDIR: temporary.path });
    lines = outputLines(child.stdout);
    exited = new Promise((resolve) => child.once('exit', resolve));
    const ready = await lines.next('ready', (line) => line.startsWith('ready'));
    return ready.match(/http:\S+/g) ?? [];
  };
  const fairlead = (command: string, ...args: readonly string[]) =>
    runFairlead([command, folder.path, ...args], { TMPDIR: temporary.path });
  const ask = async (origin: string) => {
    const response = await fetch(`${origin}/v1/models`, { headers: { authorization: 'Bearer sk-fairlead-demo' } });
    await response.body?.cancel();
    return { status: response.status, revision: response.headers.get('x-fairlead-revision') };
  };

  test('several isolates serve one table, each at an origin of its own, and status counts them', async () => {
    const origins = await start('--isolates', '3');
    expect(new Set(origins).size).toBe(3);
    const answers = await Promise.all(origins.map(ask));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);

    const status = async () => JSON.parse((await fairlead('status', '--json')).stdout).edges[0];
    // An isolate answers before it has told the hub what it serves, and tells it again with its next question.
    await eventually('all isolates were heard of', async () => {
      await Promise.all(origins.map(ask));
      return (await status()).serving[0]?.count === 3;
    });
    const edge = await status();
    expect(edge.endpoint).toBe(origins[0]);
    expect(edge.serving).toEqual([expect.objectContaining({ revision: edge.held.revision, count: 3 })]);
  });

  test('a rollback goes there and back, and the terminal tells what is held back', async () => {
    const [origin = ''] = await start();
    await folder.remove('5-consumer.yaml');
    await lines.next('it is served', (line) => line.includes('  serving '));
    expect((await ask(origin)).status).toBe(401);

    const back = await fairlead('rollback');
    expect(back.stdout).toContain('Consumer/default/demo (all its keys)');
    expect(back.code).toBe(0);
    expect((await ask(origin)).status).toBe(200);
    await lines.next('the hold', (line) => /held +Pinned: /.test(line));

    expect((await fairlead('rollback', '--undo')).code).toBe(0);
    await lines.next('its end', (line) => line.includes('  released '));
    expect((await ask(origin)).status).toBe(401);
  });

  test('what drops everything is published with a warning, as another agent would not', async () => {
    await start();
    await folder.remove('4-route.yaml');
    const warning = await lines.next('the warning', (line) => line.includes('  warning '));
    expect(warning).toContain('GatewayRoute/default/chat');
    await lines.next('it is served', (line) => line.includes('  serving '));
  });

  test('once it is gone, the commands say that there is nothing to ask', async () => {
    await start();
    const [place = ''] = await readdir(temporary.path);
    expect(await readdir(join(temporary.path, place))).toHaveLength(1);
    child.kill('SIGINT');
    await exited;
    expect(await readdir(join(temporary.path, place))).toEqual([]);
    const { code, stdout } = await fairlead('status');
    expect(code).toBe(3);
    expect(stdout).toContain('does not hold Secret default/edge-signing-key');
  });
});
