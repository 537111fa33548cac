import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/**
 * Below the ports that systems give to outgoing connections (32768 and up on Linux, 49152 elsewhere): one of those may be
 * taken by any connection between its choice and its use.
 */
const LOWEST = 15_000;
const HIGHEST = 30_000;
const TRIES = 100;

/** Those that this process has been given: they may not be listened on yet. */
const given = new Set<number>();

/** A port of 127.0.0.1 that nobody listens on, for those who must be told theirs before they start. */
export async function findFreePort(): Promise<number> {
  for (let left = TRIES; left > 0; left--) {
    const port = randomInt(LOWEST, HIGHEST);
    if (given.has(port) || !(await canListen(port))) continue;
    given.add(port);
    return port;
  }
  throw new Error(`no port between ${LOWEST} and ${HIGHEST} is free on 127.0.0.1`);
}

function canListen(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server
      .once('error', () => resolve(false))
      .listen({ port, host: '127.0.0.1', exclusive: true }, () => {
        server.close(() => resolve(true));
      });
  });
}
