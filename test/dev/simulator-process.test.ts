import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

import { expect, test } from 'vitest';

const main = new URL('../../dev/simulator/main.ts', import.meta.url).pathname;

test('the simulator runs as a process: one line says where, SIGTERM ends it', async () => {
  const simulator = spawn(process.execPath, [main, '--instant']);
  const exit = once(simulator, 'exit');
  const [line]: unknown[] = await once(createInterface(simulator.stdout), 'line');
  const url = /http:\S+/.exec(String(line))?.[0];
  const models = await fetch(`${url}/models`);
  expect(models.status).toBe(200);
  simulator.kill('SIGTERM');
  await expect(exit).resolves.toEqual([0, null]);
});

test('a flag that makes no sense is named, and the process fails', async () => {
  const simulator = spawn(process.execPath, [main, '--port', 'seven']);
  let errors = '';
  simulator.stderr.on('data', (text) => {
    errors += String(text);
  });
  const [code]: unknown[] = await once(simulator, 'close');
  expect(code).toBe(1);
  expect(errors).toContain('port');
});
