import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';

export interface HttpServerOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** What it still waits for before it can be of use; undefined: nothing. */
  readonly waitingFor: () => string | undefined;
  readonly metrics: { readonly contentType: string; metrics(): Promise<string> };
}

export interface HttpServer {
  readonly port: number;
  close(): Promise<void>;
}

/** A scrape that takes longer has been given up. */
const REQUEST_MS = 10_000;

/**
 * For the kubelet and for Prometheus:
 *
 * | path     |                                                                                                    |
 * |----------|----------------------------------------------------------------------------------------------------|
 * | /healthz | 200 while the process is not stuck: the API server being away is no reason to start it again        |
 * | /readyz  | 200 once the cluster has been read whole, of whoever leads and of whoever waits; else 503           |
 * | /metrics | in Prometheus' text format                                                                         |
 *
 * @throws where the address cannot be listened at
 */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const server = createServer({ requestTimeout: REQUEST_MS }, (request, response) => {
    answer(options, request, response).catch(() => {
      response.destroy();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });
  return { port: portOf(server, options.port), close: () => close(server) };
}

async function answer(options: HttpServerOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const [path] = (request.url ?? '').split('?');
  const say = (status: number, text: string, headers: Record<string, string> = {}) =>
    response
      .writeHead(status, { 'content-type': 'text/plain; charset=utf-8', ...headers })
      .end(request.method === 'HEAD' ? undefined : text);
  if (path !== '/healthz' && path !== '/readyz' && path !== '/metrics')
    return void say(404, 'there are /healthz, /readyz and /metrics\n');
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return void say(405, 'only GET and HEAD\n', { allow: 'GET, HEAD' });
  switch (path) {
    case '/healthz':
      return void say(200, 'ok\n');
    case '/readyz': {
      const waitingFor = options.waitingFor();
      return void (waitingFor === undefined ? say(200, 'ok\n') : say(503, `waiting for ${waitingFor}\n`));
    }
    case '/metrics':
      return void say(200, await options.metrics.metrics(), { 'content-type': options.metrics.contentType });
  }
}

function portOf(server: Server, asked: number): number {
  const address = server.address();
  return typeof address === 'object' && address ? address.port : asked;
}

async function close(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  server.closeAllConnections();
  await closed;
}
