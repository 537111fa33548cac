import { execFile, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { cp } from 'node:fs/promises';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { instantPace } from '../../dev/simulator/pace.ts';
import { startSimulator } from '../../dev/simulator/server.ts';
import type { Happenings } from '../support/happenings.ts';
import { outputLines } from '../support/output-lines.ts';
import { runFairlead, spawnFairlead } from '../support/run-fairlead.ts';
import { temporaryFolder, type TemporaryFolder } from '../support/temporary-folder.ts';

const run = promisify(execFile);

describe('npm start', () => {
  let folder: TemporaryFolder;
  let child: ChildProcessWithoutNullStreams;
  let lines: Happenings<string>;
  let exited: Promise<number | null>;

  beforeEach(async () => {
    folder = await temporaryFolder();
    await cp('examples/quickstart', folder.path, { recursive: true });
  });
  afterEach(async () => {
    child.kill('SIGINT');
    await exited;
    await folder.dispose();
  });

  const start = async (env: Readonly<Record<string, string>> = {}): Promise<string> => {
    child = spawnFairlead(['dev', '--dir', folder.path, '--port', '0'], env);
    lines = outputLines(child.stdout);
    exited = new Promise((resolve) => child.once('exit', resolve));
    const ready = await lines.next('ready', (line) => line.startsWith('ready'));
    return /http:\S+/.exec(ready)?.[0] ?? '';
  };
  const edit = async (file: string, from: string, to: string): Promise<void> => {
    const text = await readFile(join(folder.path, file), 'utf8');
    await folder.write(file, text.replace(from, to));
  };

  test('says what runs where and how to call it, ends with `ready`, and what it tells to paste works', async () => {
    const edge = await start();
    const text = lines.all.join('\n');
    expect(lines.all.at(-1)).toMatch(/^ready/);
    expect(text).toMatch(/edge +http.*\n.*agent +\S.*\n.*simulator +http/);

    const commands = text.split(/^# .*\n/m).slice(1);
    const [curl = '', , typescript = ''] = commands.map((command) => command.split(/\n(?:\n|$)|\nready/)[0] ?? '');
    expect(curl).toContain(edge);
    expect((await run('sh', ['-c', curl])).stdout).toContain('data: [DONE]');
    const pasted = typescript.replace(/^node /, `'${process.execPath}' `);
    expect((await run('sh', ['-c', pasted])).stdout).toContain('You asked: "Hello!"');
    expect(commands[1]).toContain('from openai import OpenAI');
  });

  test('an edit shows the revision, which resources changed, and when the edge serves it', async () => {
    const edge = await start();
    await edit('3-model.yaml', 'modelName: demo', 'modelName: demo\n  aliases: [gpt-demo]');
    const published = await lines.next('a revision', (line) => line.includes('  revision '));
    expect(published).toContain('AIModel/default/demo');
    const revision = /revision +(\w+)/.exec(published)?.[1] ?? '?';
    await lines.next('it is served', (line) => line.includes('  serving ') && line.includes(revision));
    const models = await fetch(`${edge}/v1/models`, { headers: { authorization: 'Bearer sk-fairlead-demo' } });
    expect(await models.json()).toMatchObject({
      data: expect.arrayContaining([expect.objectContaining({ id: 'gpt-demo' })]),
    });
  });

  test('a broken file shows which, where and why, while the rest goes on', async () => {
    const edge = await start();
    await edit('4-route.yaml', 'type: Key', 'type: Keys');
    const told = await lines.next('the fault', (line) => line.includes('4-route.yaml'));
    expect(told).toMatch(/4-route\.yaml:\d+:\d+ GatewayRoute\/default\/chat: spec\.authentication\.type: .*"Keys"/);
    const health = await fetch(`${edge}/healthz`);
    expect(health.status).toBe(200);
    await edit('4-route.yaml', 'type: Keys', 'type: Key');
    await lines.next('it is mended', (line) => line.includes('mended') && line.includes('4-route.yaml'));
  });

  test('a request is one short line', async () => {
    const edge = await start();
    await fetch(`${edge}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: 'Bearer sk-fairlead-demo' },
      body: JSON.stringify({ model: 'demo', messages: [{ role: 'user', content: 'Hi' }] }),
    });
    const line = await lines.next('the request', (text) => text.includes('  200 '));
    expect(line).toMatch(/demo/);
    expect(line.length).toBeLessThan(160);
  });

  test('with a key of OpenAI in the environment the real provider joins', async () => {
    const openAI = await startSimulator({ apiKey: 'sk-real', pace: instantPace });
    const edge = await start({
      OPENAI_API_KEY: 'sk-real',
      OPENAI_BASE_URL: `${openAI.url}/v1`,
      OPENAI_MODEL: 'gpt-real',
    });
    const answer = await fetch(`${edge}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: 'Bearer sk-fairlead-demo' },
      body: JSON.stringify({ model: 'gpt-real', messages: [{ role: 'user', content: 'Hi' }] }),
    });
    expect(answer.status).toBe(200);
    await answer.body?.cancel();
    expect(openAI.requests[0]?.headers.authorization).toBe('Bearer sk-real');
    expect(lines.all.join('\n')).not.toContain('sk-real');
    await openAI.close();
  });

  test('Ctrl-C stops everything, and that is no failure', async () => {
    const edge = await start();
    child.kill('SIGINT');
    expect(await exited).toBe(0);
    await expect(fetch(edge)).rejects.toThrow();
  });
});

test('a port that is taken is one clear line', async () => {
  const other = createServer();
  await new Promise<void>((resolve) => {
    other.listen(0, '127.0.0.1', resolve);
  });
  const address = other.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const { code, stderr } = await runFairlead(['dev', '--port', String(port)]);
  other.close();
  expect(code).toBe(3);
  expect(stderr).toMatch(new RegExp(`^fairlead: port ${port} on 127.0.0.1 is taken by another process.*\n$`));
});
