import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { outputLines } from './output-lines.ts';

export interface RedisServer {
  /** Path of its Unix socket: it listens on nothing else. */
  readonly socket: string;
  /** Ends it at once; what it held is gone. */
  stop(): Promise<void>;
}

/** Starts `redis-server` (Debian's package `redis-server`), with nothing on disk. */
export async function startRedisServer(): Promise<RedisServer> {
  const folder = await mkdtemp(join(tmpdir(), 'fairlead-redis-'));
  const socket = join(folder, 'redis.sock');
  const settings = ['--port', '0', '--unixsocket', socket, '--save', '', '--appendonly', 'no', '--dir', folder];
  const server = spawn('redis-server', settings, { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = outputLines(server.stdout);
  await lines.next('redis-server to accept connections', (line) => /ready to accept connections/i.test(line));
  return {
    socket,
    stop: async () => {
      await endedBy(server, 'SIGKILL');
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function endedBy(server: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const ended = new Promise<void>((resolve) => {
    server.once('exit', () => {
      resolve();
    });
  });
  server.kill(signal);
  await ended;
}

/**
 * Whether tests that need `redis-server` must be skipped, as in `describe.skipIf(isRedisServerMissing())`; a line says
 * so. @throws where FAIRLEAD_REQUIRE_SERVERS=1, as in continuous integration: there its absence is an error
 */
export function isRedisServerMissing(): boolean {
  if (spawnSync('redis-server', ['--version'], { stdio: 'ignore' }).error === undefined) return false;
  const message = 'redis-server is not installed (Debian: apt-get install redis-server): tests with it do not run';
  if (process.env['FAIRLEAD_REQUIRE_SERVERS'] === '1') throw new Error(message);
  process.stderr.write(`${message}\n`);
  return true;
}
