#!/usr/bin/env node
// Plain JavaScript, for whatever Node the machine has: goes on with the pinned Node 24 of the npm package `node` where
// this one is older, since the rest of the command is TypeScript that runs as it stands.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const OLDEST_NODE = 24;
const MAIN = new URL('./main.ts', import.meta.url);

if (process.env.npm_lifecycle_event !== undefined) endWithParent();
if (Number.parseInt(process.versions.node, 10) >= OLDEST_NODE) await import(MAIN.href);
else runWithPinnedNode();

function runWithPinnedNode() {
  const node = pinnedNode();
  if (node === undefined) {
    process.stderr.write(
      `fairlead needs Node ${OLDEST_NODE}; this is ${process.versions.node}, and the npm package "node", which brings ` +
        `one, is not installed.\nRun \`npm install\` in the project, with install scripts allowed, and try again.\n`,
    );
    process.exit(3);
  }
  const child = spawn(node, [fileURLToPath(MAIN), ...process.argv.slice(2)], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.once('error', (error) => {
    process.stderr.write(`fairlead: ${node} does not start: ${error.message}\n`);
    process.exit(3);
  });
  child.once('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

/** A signal that ends `npm start` ends npm and its shell, which pass it on to nobody: nothing may be left running. */
function endWithParent() {
  const parent = process.ppid;
  const look = () => {
    if (process.ppid === parent) return;
    clearInterval(looking);
    process.kill(process.pid, 'SIGTERM');
  };
  const looking = setInterval(look, 500).unref();
}

function pinnedNode() {
  try {
    const manifest = createRequire(import.meta.url).resolve('node/package.json');
    const path = join(dirname(manifest), 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
    return existsSync(path) ? path : undefined;
  } catch {
    return undefined;
  }
}
