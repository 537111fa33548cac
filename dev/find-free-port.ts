import { createServer } from 'node:net';

/** A port of 127.0.0.1 that nobody listened on a moment ago, for those who must be told theirs before they start. */
export async function findFreePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  await new Promise<void>((resolve) => {
    server.close(() => {
      resolve();
    });
  });
  if (address === null || typeof address === 'string') throw new Error('a TCP server has no port');
  return address.port;
}
