import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';

import { deliver } from './deliver.ts';
import { refusal, replyTo } from './endpoints.ts';
import type { Reply } from './endpoints.ts';
import { realisticPace } from './pace.ts';
import type { Pace } from './pace.ts';
import { TrafficLog } from './traffic-log.ts';
import type { ReceivedRequest } from './traffic-log.ts';

export type SimulatorOptions = {
  /** 0, the default, takes a free port. The simulator listens on 127.0.0.1 only. */
  port?: number;
  /** Asked of every request as a bearer token, where given. */
  apiKey?: string;
  /** What `GET /v1/models` lists. Other names are answered too. */
  models?: readonly string[];
  pace?: Pace;
  /** Milliseconds since 1970. */
  now?: () => number;
};

export type Simulator = {
  /** The origin, such as `http://127.0.0.1:4000`; the API stands below `/v1`. */
  url: string;
  port: number;
  requests: readonly ReceivedRequest[];
  nextRequest: () => Promise<ReceivedRequest>;
  /** The next request that came to its end, in whichever way. */
  nextEnd: () => Promise<ReceivedRequest>;
  /** The next request whose client left before its answer was complete. */
  nextAbort: () => Promise<ReceivedRequest>;
  openConnections: () => Promise<number>;
  /** Ends every open connection, as the death of a process would. */
  close: () => Promise<void>;
};

export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const log = new TrafficLog();
  const server = createServer((request, response) => {
    void answer(request, response, options, log);
  });
  const port = await listen(server, options.port ?? 0);
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    requests: log.requests,
    nextRequest: () => log.arrivals.next(),
    nextEnd: () => log.ends.next(),
    nextAbort: () => log.aborts.next(),
    openConnections: () => countConnections(server),
    close: () => close(server),
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  options: SimulatorOptions,
  log: TrafficLog,
): Promise<void> {
  const left = new AbortController();
  // Before the body is read: a client may leave while it still sends.
  response.once('close', () => {
    left.abort();
  });
  const body = await text(request).catch(() => undefined);
  if (body === undefined) return;
  const received = receive(request, body);
  log.arrived(received);
  const { pace = realisticPace, now = Date.now } = options;
  const id = `sim${String(log.requests.length).padStart(6, '0')}`;
  response.setHeader('x-request-id', `req_${id}`);
  response.setHeader('openai-version', '2020-10-01');
  response.setHeader('openai-processing-ms', '12');
  const reply = replyFor(received, options, { id, created: Math.floor(now() / 1000) });
  response.once('close', () => {
    log.ended(received, outcomeOf(reply, response));
  });
  // It rejects when the client has left, which `close` has already recorded.
  await deliver(reply, { response, pace, signal: left.signal }).catch(() => undefined);
}

function receive(request: IncomingMessage, body: string): ReceivedRequest {
  return {
    method: request.method ?? '',
    path: request.url ?? '/',
    headers: request.headers,
    body,
    json: parseJson(body),
    outcome: 'Pending',
  };
}

function replyFor(request: ReceivedRequest, options: SimulatorOptions, head: { id: string; created: number }): Reply {
  const { apiKey, models = ['demo', 'demo-embedding'] } = options;
  if (apiKey !== undefined && request.headers.authorization !== `Bearer ${apiKey}`) {
    const message =
      request.headers.authorization === undefined
        ? "You didn't provide an API key. Send it as `Authorization: Bearer KEY`."
        : 'Incorrect API key provided.';
    return refusal(401, message, { code: 'invalid_api_key' });
  }
  if (request.method === 'POST' && request.json === undefined) {
    return refusal(400, 'We could not parse the JSON body of your request.');
  }
  const { pathname } = new URL(request.path, 'http://simulator');
  return replyTo(request.method, pathname, request.json, { models, ...head });
}

function outcomeOf(reply: Reply, response: ServerResponse): ReceivedRequest['outcome'] {
  if (response.writableFinished) return 'Answered';
  const hungUp = reply.behaviour.type === 'Cut' && response.destroyed && response.headersSent;
  return hungUp ? 'Cut' : 'Aborted';
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

/** The port that it got. */
async function listen(server: Server, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject);
      resolve();
    });
  });
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : port;
}

async function countConnections(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.getConnections((error, count) => {
      if (error === null) resolve(count);
      else reject(error);
    });
  });
}

/** May be called again. */
async function close(server: Server): Promise<void> {
  if (!server.listening) return;
  await new Promise<void>((resolve, reject) => {
    server.close((error) => {
      if (error === undefined) resolve();
      else reject(error);
    });
    server.closeAllConnections();
  });
}
