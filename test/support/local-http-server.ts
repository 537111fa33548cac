import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type ServerOptions } from 'node:https';

export interface HttpCall {
  readonly method: string;
  readonly url: URL;
  readonly headers: Headers;
  readonly body: Buffer<ArrayBuffer>;
}

export interface LocalHttpServer {
  readonly origin: string;
  /** Ends all connections too. */
  stop(): Promise<void>;
}

/**
 * A server on a free port of 127.0.0.1. What `answer` throws becomes a 500, and fails no test by itself.
 *
 * @param tls absent: plain text
 */
export async function startLocalHttpServer(
  answer: (call: HttpCall) => Promise<Response>,
  tls?: ServerOptions,
): Promise<LocalHttpServer> {
  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    const call = await callOf(request);
    const reply = await answer(call).catch((error: unknown) => new Response(String(error), { status: 500 }));
    response.writeHead(reply.status, Object.fromEntries(reply.headers));
    response.end(call.method === 'HEAD' ? undefined : Buffer.from(await reply.arrayBuffer()));
  };
  const listen = (request: IncomingMessage, response: ServerResponse) => {
    handle(request, response).catch(() => response.destroy());
  };
  const server = tls ? createTlsServer(tls, listen) : createServer(listen);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a TCP server has no port');
  return {
    origin: tls ? `https://localhost:${address.port}` : `http://127.0.0.1:${address.port}`,
    stop: async () => {
      const closed = new Promise<void>((resolve) => {
        server.close(() => {
          resolve();
        });
      });
      server.closeAllConnections();
      await closed;
    },
  };
}

async function callOf(request: IncomingMessage): Promise<HttpCall> {
  const chunks: Buffer[] = [];
  const stream: AsyncIterable<Buffer> = request;
  for await (const chunk of stream) chunks.push(chunk);
  const headers = new Headers();
  for (const [name, values] of Object.entries(request.headersDistinct))
    for (const value of values ?? []) headers.append(name, value);
  const url = new URL(request.url ?? '/', 'http://127.0.0.1');
  return { method: request.method ?? 'GET', url, headers, body: Buffer.concat(chunks) };
}
