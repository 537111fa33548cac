import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { createRequire } from 'node:module';
import { connect, type AddressInfo, type Socket } from 'node:net';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { temporaryFolder, type TemporaryFolder } from '../support/temporary-folder.ts';

/**
 * The load that several requests share, in a real workerd over real sockets: only there does a client's leaving take
 * along what its request had under way. `/kept` runs the load in its starter's waitUntil, as the worker does; `/lost`
 * leaves that out, so that the load dies with its starter.
 */
const WORKER = `
import { waitUntil } from 'cloudflare:workers';
import { SharedLoad } from './worker/table/shared-load.ts';
const loads = {};
export default {
  async fetch(request) {
    const { pathname } = new URL(request.url);
    await fetch(UPSTREAM + 'arrived');
    if (pathname === '/ping') return new Response('pong');
    loads[pathname] ??= sharedLoad(pathname === '/kept' ? waitUntil : () => undefined);
    return new Response(await loads[pathname].value());
  },
};
function sharedLoad(waitUntil) {
  let value;
  const load = async () => { value = await (await fetch(UPSTREAM + 'table')).text(); };
  const sleep = (ms) => scheduler.wait(ms);
  return new SharedLoad({ read: () => value, load, deadlineMs: 10_000, patienceMs: 300, now: Date.now, sleep, waitUntil });
}`;

describe('when the starter of a shared load leaves', () => {
  let folder: TemporaryFolder;
  let upstream: SlowUpstream;
  let workerd: ChildProcess;
  let port: number;

  beforeAll(async () => {
    folder = await temporaryFolder();
    upstream = await startSlowUpstream();
    ({ workerd, port } = await startWorkerd(folder, upstream.url));
  });
  afterAll(async () => {
    workerd?.kill('SIGTERM');
    upstream?.server.close();
    await folder?.dispose();
  });

  test('the load goes on, and those who wait for it get what it brings', async () => {
    const starter = await open(port, '/kept', upstream);
    const arrived = upstream.arrivals(2);
    const waiters = [get(port, '/kept'), get(port, '/kept')];
    await arrived;
    starter.resetAndDestroy();
    // By the time that this is answered workerd has seen the starter leave.
    await get(port, '/ping');
    upstream.answer('the table');
    expect(await Promise.all(waiters)).toEqual(['the table', 'the table']);
    expect(upstream.calls).toBe(1);
  });

  test('and takes the load along, those who wait lose patience and load for themselves', async () => {
    const starter = await open(port, '/lost', upstream);
    const arrived = upstream.arrivals(1);
    const waiter = get(port, '/lost');
    await arrived;
    const aborted = upstream.nextAbort();
    const again = upstream.nextCall();
    starter.resetAndDestroy();
    await Promise.all([aborted, again]);
    upstream.answer('the table');
    expect(await waiter).toBe('the table');
  });
});

async function startWorkerd(
  folder: TemporaryFolder,
  upstream: string,
): Promise<{ workerd: ChildProcess; port: number }> {
  const resolveDir = fileURLToPath(new URL('../..', import.meta.url));
  const { outputFiles } = await build({
    stdin: { contents: WORKER, resolveDir, loader: 'js' },
    bundle: true,
    write: false,
    format: 'esm',
    external: ['cloudflare:*'],
    define: { UPSTREAM: JSON.stringify(upstream) },
  });
  await folder.write('worker.js', outputFiles[0]?.text ?? '');
  await folder.write(
    'config.capnp',
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = .main), (name = "internet", network = (allow = ["private"]))],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")]
);
const main :Workerd.Worker = (
  modules = [(name = "worker.js", esModule = embed "worker.js")],
  compatibilityDate = "2026-10-20"
);`,
  );
  const { default: binary } = z.object({ default: z.string() }).parse(createRequire(import.meta.url)('workerd'));
  const workerd = spawn(binary, ['serve', '--control-fd=3', path.join(folder.path, 'config.capnp')], {
    stdio: ['ignore', 'inherit', 'inherit', 'pipe'],
  });
  const control = workerd.stdio[3];
  if (!(control instanceof Readable)) throw new Error('workerd has no control pipe');
  for await (const line of createInterface(control))
    return { workerd, port: z.object({ port: z.number() }).parse(JSON.parse(line)).port };
  throw new Error('workerd ended before it listened');
}

interface SlowUpstream {
  readonly server: Server;
  readonly url: string;
  calls: number;
  /** Answers all calls that wait. */
  answer(text: string): void;
  nextCall(): Promise<unknown>;
  /** The next `count` requests have reached the worker. */
  arrivals(count: number): Promise<void>;
  nextAbort(): Promise<unknown>;
}

async function startSlowUpstream(): Promise<SlowUpstream> {
  const waiting = new Set<(text: string) => void>();
  const server = createServer((request, response) => {
    if (request.url === '/arrived') {
      response.end();
      server.emit('arrived');
      return;
    }
    upstream.calls++;
    const answer = (text: string): void => void response.end(text);
    waiting.add(answer);
    response.on('close', () => {
      waiting.delete(answer);
      if (!response.writableEnded) server.emit('caller-left');
    });
    server.emit('called');
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const upstream: SlowUpstream = {
    server,
    url: `http://127.0.0.1:${portOf(server.address())}/`,
    calls: 0,
    answer: (text) => {
      for (const answer of waiting) answer(text);
    },
    nextCall: () => once(server, 'called'),
    arrivals: async (count) => {
      for (let i = 0; i < count; i++) await once(server, 'arrived');
    },
    nextAbort: () => once(server, 'caller-left'),
  };
  return upstream;
}

function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return address.port;
}

/** A request whose load has reached the upstream. */
async function open(port: number, target: string, upstream: SlowUpstream): Promise<Socket> {
  const called = upstream.nextCall();
  const socket = connect(port, '127.0.0.1');
  socket.write(`GET ${target} HTTP/1.1\r\nhost: edge\r\n\r\n`);
  await called;
  return socket;
}

async function get(port: number, target: string): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}${target}`);
  return response.text();
}
