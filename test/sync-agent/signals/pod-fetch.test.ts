import { expect, it } from 'vitest';
import { openPodFetch } from '../../../sync-agent/signals/pod-fetch.ts';
import { startLocalHttpServer } from '../../support/local-http-server.ts';

it('keeps one connection to each pod, and none once it is closed', async () => {
  const server = await startLocalHttpServer(async () => new Response('up 1\n'));
  const pods = openPodFetch();
  const ask = async () => {
    const { signal } = new AbortController();
    const request = { method: 'GET', headers: {}, redirect: 'manual', signal } as const;
    const { status, body } = await pods.fetch(new URL(`${server.origin}/metrics`), request);
    let bytes = 0;
    for await (const chunk of body ?? []) bytes += chunk.byteLength;
    return `${status} ${bytes}`;
  };

  expect(await Promise.all([ask(), ask()])).toEqual(['200 5', '200 5']);
  await pods.close();
  await expect(ask()).rejects.toThrow();
  await server.stop();
});
