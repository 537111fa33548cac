import { once } from 'node:events';
import { Agent, createServer, request as send } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { ApiServer } from './api-server.ts';

/** What becomes of a request on its way. */
export type Fault =
  /** It gets this answer, and never reaches the server. */
  | { readonly type: 'Answer'; readonly status: number; readonly retryAfterSeconds?: number }
  /** A watch that begins well, and then says that its position has expired. */
  | { readonly type: 'ExpireInside' }
  /** The connection breaks before there is an answer. */
  | { readonly type: 'Reset' }
  /** Nothing ever comes back. */
  | { readonly type: 'Silent' };

export interface FaultProxy {
  /** Origin, https; its certificate is the server's. */
  readonly url: string;
  /** Path and query of every request, in the order of their coming. */
  readonly requests: readonly string[];
  /** Requests whose path and query contain all of `parts` fare like this, `times` times. */
  inject(fault: Fault, parts: readonly string[], times?: number): void;
  /** How many faults are still to come. */
  left(): number;
  /** Breaks every connection there is; new ones are taken. */
  resetAll(): void;
  /** From now on nothing passes over the connections there are, and nobody is told; new ones are taken. */
  stallAll(): void;
  stop(): Promise<void>;
}

interface Injected {
  readonly fault: Fault;
  readonly parts: readonly string[];
  times: number;
}

/** Stands before an API server and does what a real one cannot be asked to. */
export async function startFaultProxy(server: ApiServer): Promise<FaultProxy> {
  const agent = new Agent({ ca: server.certificateAuthority, keepAlive: false });
  const sockets = new Set<Socket>();
  const stalled = new WeakSet<Socket>();
  const requests: string[] = [];
  const injected: Injected[] = [];
  const faultFor = (url: string): Fault | undefined => {
    const found = injected.find(({ parts, times }) => times > 0 && parts.every((part) => url.includes(part)));
    if (found) found.times--;
    return found?.fault;
  };
  const proxy = createServer(
    { cert: server.certificateAuthority, key: server.certificateKey },
    (incoming: IncomingMessage, outgoing: ServerResponse) => {
      const url = incoming.url ?? '/';
      requests.push(url);
      const fault = faultFor(url);
      if (fault) suffer(fault, incoming, outgoing);
      else forward(incoming, outgoing);
    },
  );
  const forward = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    const { method, headers, url } = incoming;
    const passed = send(`${server.url}${url}`, {
      method,
      headers: { ...headers, host: new URL(server.url).host },
      agent,
    });
    passed.on('error', () => outgoing.destroy());
    passed.on('response', (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      outgoing.flushHeaders();
      answer.on('data', (chunk: Buffer) => {
        if (!stalled.has(incoming.socket)) outgoing.write(chunk);
      });
      answer.on('end', () => {
        if (!stalled.has(incoming.socket)) outgoing.end();
      });
      answer.on('error', () => outgoing.destroy());
    });
    outgoing.on('close', () => passed.destroy());
    incoming.pipe(passed);
  };
  proxy.on('secureConnection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
  });
  await once(proxy.listen(0, '127.0.0.1'), 'listening');
  const address = proxy.address();
  return {
    url: `https://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`,
    requests,
    inject: (fault, parts, times = 1) => injected.push({ fault, parts, times }),
    left: () => injected.reduce((sum, { times }) => sum + times, 0),
    resetAll: () => {
      for (const socket of sockets) socket.destroy();
    },
    stallAll: () => {
      for (const socket of sockets) stalled.add(socket);
    },
    stop: async () => {
      const closed = once(proxy, 'close');
      proxy.close();
      for (const socket of sockets) socket.destroy();
      agent.destroy();
      await closed;
    },
  };
}

function suffer(fault: Fault, incoming: IncomingMessage, outgoing: ServerResponse): void {
  switch (fault.type) {
    case 'Answer': {
      const { status, retryAfterSeconds } = fault;
      const headers = { 'content-type': 'application/json' };
      const retry = retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) };
      outgoing.writeHead(status, { ...headers, ...retry }).end(JSON.stringify(statusOf(status)));
      break;
    }
    case 'ExpireInside':
      outgoing.writeHead(200, { 'content-type': 'application/json' });
      outgoing.end(`${JSON.stringify({ type: 'ERROR', object: statusOf(410) })}\n`);
      break;
    case 'Reset':
      incoming.socket.destroy();
      break;
    case 'Silent':
      incoming.resume();
  }
}

function statusOf(code: number) {
  return {
    kind: 'Status',
    apiVersion: 'v1',
    status: 'Failure',
    code,
    reason: code === 410 ? 'Expired' : '',
    message: 'injected',
  };
}
