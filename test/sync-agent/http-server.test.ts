import { Registry } from 'prom-client';
import { afterEach, describe, expect, test } from 'vitest';
import { startHttpServer, type HttpServer } from '../../sync-agent/http-server.ts';

let server: HttpServer | undefined;
afterEach(() => server?.close());

async function start(waitingFor: () => string | undefined = () => undefined): Promise<string> {
  server = await startHttpServer({ host: '127.0.0.1', port: 0, waitingFor, metrics: new Registry() });
  return `http://127.0.0.1:${server.port}`;
}

describe('what the kubelet and Prometheus ask', () => {
  test('is answered healthy at once, and ready once there is nothing left to wait for', async () => {
    let waitingFor: string | undefined = 'the cluster to be read';
    const url = await start(() => waitingFor);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    const unready = await fetch(`${url}/readyz`);
    expect([unready.status, await unready.text()]).toEqual([503, 'waiting for the cluster to be read\n']);
    waitingFor = undefined;
    expect((await fetch(`${url}/readyz?verbose`)).status).toBe(200);
  });

  test('has metrics as text', async () => {
    const response = await fetch(`${await start()}/metrics`);
    expect([response.status, response.headers.get('content-type')]).toEqual([
      200,
      'text/plain; version=0.0.4; charset=utf-8',
    ]);
  });

  test.each([
    ['GET', '/', 404],
    ['GET', '/metrics/more', 404],
    ['POST', '/healthz', 405],
    ['DELETE', '/metrics', 405],
    ['HEAD', '/readyz', 200],
  ])('%s %s is %i', async (method, path, status) => {
    expect((await fetch(`${await start()}${path}`, { method })).status).toBe(status);
  });

  test('fails where the address is taken', async () => {
    const url = new URL(await start());
    const second = startHttpServer({
      host: '127.0.0.1',
      port: Number(url.port),
      waitingFor: () => undefined,
      metrics: new Registry(),
    });
    await expect(second).rejects.toThrow('EADDRINUSE');
  });
});
