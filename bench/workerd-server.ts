import { spawn } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';

import { z } from 'zod';

import { temporaryFolder } from './temporary-folder.ts';
import { endWithUs, stopChild } from './child-process.ts';
import type { RunningServer } from './child-process.ts';

// The package has no types: its default export is the path of the binary for this platform.
const { default: workerdBinary } = z.object({ default: z.string() }).parse(createRequire(import.meta.url)('workerd'));

const listenEventSchema = z.object({ event: z.literal('listen'), port: z.number() });

/**
 * Runs `workerd serve` on a configuration whose only socket listens on 127.0.0.1, port 0. Paths in
 * the configuration are relative to `baseDirectory`.
 */
export async function startWorkerd(config: string, baseDirectory: string): Promise<RunningServer> {
  const folder = await temporaryFolder();
  const configFile = path.join(folder, 'config.capnp');
  await writeFile(configFile, config);
  const child = spawn(workerdBinary, ['serve', '--control-fd=3', `--import-path=${baseDirectory}`, configFile], {
    // A candidate's log is written, as it would be, and read by nobody.
    stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
  });
  endWithUs(child);
  const stop = async () => {
    await stopChild(child);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    return { pid: child.pid ?? 0, port: await readPort(child.stdio[3]), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** workerd writes one JSON line a socket on the control descriptor when it listens. */
async function readPort(control: unknown): Promise<number> {
  if (!(control instanceof Readable)) throw new Error('workerd was started without a control descriptor');
  for await (const line of createInterface(control)) {
    return listenEventSchema.parse(JSON.parse(line)).port;
  }
  throw new Error('workerd ended before it listened; its own message stands above');
}
