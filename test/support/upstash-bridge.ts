import { createClient, ErrorReply, RESP_TYPES } from 'redis';
import { startLocalHttpServer, type HttpCall } from './local-http-server.ts';

/**
 * Upstash's REST protocol (https://upstash.com/docs/redis/features/restapi) in front of a real Redis: single commands
 * in the body or in the path, pipelines, transactions, base64. Not here: RESP2 answers and streams (MONITOR, SUBSCRIBE).
 */
export interface UpstashBridge {
  /** UPSTASH_REDIS_REST_URL. */
  readonly url: string;
  /** UPSTASH_REDIS_REST_TOKEN. */
  readonly token: string;
  /** Every request that was let in: its path and the bytes of its body. */
  readonly requests: { readonly path: string; readonly bytes: number }[];
  /** Asks Redis itself, as another client would. */
  command(...args: string[]): Promise<unknown>;
  stop(): Promise<void>;
}

export interface UpstashBridgeOptions {
  /** Path of the Unix socket of a redis-server. */
  readonly socket: string;
  readonly token?: string;
  /** As on a free database. */
  readonly maxRequestBytes?: number;
}

type Answer = { readonly result: unknown } | { readonly error: string };
type Send = (args: readonly string[]) => Promise<Answer>;
/** How a string is written: as it is, or in base64. */
type WriteString = (bytes: Buffer) => string;

const METHODS = ['HEAD', 'GET', 'POST', 'PUT'];
/** They belong to a connection, which a request over HTTP has not. */
const UNAVAILABLE = new Set(
  (
    'AUTH HELLO SELECT QUIT RESET CLIENT MULTI EXEC DISCARD WATCH UNWATCH SHUTDOWN MONITOR SUBSCRIBE PSUBSCRIBE ' +
    'SSUBSCRIBE UNSUBSCRIBE PUNSUBSCRIBE SUNSUBSCRIBE BLPOP BRPOP BLMOVE BRPOPLPUSH BLMPOP BZPOPMIN BZPOPMAX BZMPOP'
  ).split(' '),
);

export async function startUpstashBridge({
  socket,
  token = 'AX-a-token-of-tests',
  maxRequestBytes = Infinity,
}: UpstashBridgeOptions): Promise<UpstashBridge> {
  // RESP2, because that is what Upstash renders: maps are flat arrays there, and scores are strings.
  const client = createClient({ RESP: 2, socket: { path: socket, tls: false } });
  const typeMapping = { [RESP_TYPES.BLOB_STRING]: Buffer };
  // Without a listener a lost connection would end the process; commands that fail say so themselves.
  client.on('error', () => undefined);
  await client.connect();
  const send: Send = (args) =>
    client.sendCommand([...args], { typeMapping }).then(
      (result: unknown) => ({ result }),
      (error: unknown) => ({ error: error instanceof Error ? error.message : String(error) }),
    );
  const requests: UpstashBridge['requests'] = [];
  const server = await startLocalHttpServer(async (call) => {
    if (!METHODS.includes(call.method)) return failure(405, 'Method not allowed');
    const refusal = unauthorized(call, token);
    if (refusal) return refusal;
    requests.push({ path: call.url.pathname, bytes: call.body.byteLength });
    if (call.body.byteLength > maxRequestBytes)
      return failure(
        400,
        `ERR max request size exceeded. Limit: ${maxRequestBytes} bytes, Actual: ${call.body.byteLength} bytes`,
      );
    return answer(call, send);
  });
  return {
    url: server.origin,
    token,
    requests,
    command: async (...args) => client.sendCommand(args),
    stop: async () => {
      await server.stop();
      client.destroy();
    },
  };
}

function unauthorized({ headers, url }: HttpCall, token: string): Response | undefined {
  const given = headers.get('authorization')?.replace(/^Bearer /i, '') ?? url.searchParams.get('_token');
  if (given === null || given === '') return failure(401, 'Unauthorized');
  return given === token ? undefined : failure(401, 'WRONGPASS invalid or missing auth token');
}

async function answer(call: HttpCall, send: Send): Promise<Response> {
  const { url, body, headers } = call;
  const writeString: WriteString =
    headers.get('upstash-encoding') === 'base64'
      ? (bytes) => bytes.toString('base64')
      : (bytes) => bytes.toString('utf8');
  const write = (answer: Answer) => ('error' in answer ? answer : { result: written(answer.result, writeString) });
  switch (url.pathname) {
    case '/pipeline': {
      const commands = commandsIn(body);
      if (!commands) return failure(400, 'ERR failed to parse pipeline request');
      // All are sent before one is answered, as in a pipeline of Redis: others may come in between.
      return Response.json((await Promise.all(commands.map((args) => execute(args, send)))).map(write));
    }
    case '/multi-exec': {
      const commands = commandsIn(body);
      if (!commands) return failure(400, 'ERR failed to parse multi-exec request');
      const outcome = await transaction(commands, send);
      return 'error' in outcome ? failure(400, outcome.error) : Response.json(outcome.answers.map(write));
    }
    default: {
      const args = url.pathname === '/' ? commandIn(body) : commandInPath(call);
      if (!args) return failure(400, 'ERR failed to parse command');
      const outcome = await execute(args, send);
      return 'error' in outcome ? failure(400, outcome.error) : Response.json(write(outcome));
    }
  }
}

async function execute(args: readonly string[], send: Send): Promise<Answer> {
  const fault = unavailable(args);
  return fault === undefined ? send(args) : { error: fault };
}

function unavailable([name = '']: readonly string[]): string | undefined {
  return UNAVAILABLE.has(name.toUpperCase()) ? `ERR Command is not available: '${name}'` : undefined;
}

/** All are written to the connection in one go, so that no other request's command comes between MULTI and EXEC. */
async function transaction(
  commands: readonly (readonly string[])[],
  send: Send,
): Promise<{ readonly answers: Answer[] } | { readonly error: string }> {
  const fault = commands.map(unavailable).find((found) => found !== undefined);
  if (fault !== undefined) return { error: fault };
  const [, ...rest] = await Promise.all([send(['MULTI']), ...commands.map(send), send(['EXEC'])]);
  const executed = rest.pop();
  if (!executed || 'error' in executed) return { error: executed?.error ?? 'ERR no answer' };
  const replies: unknown[] = Array.isArray(executed.result) ? executed.result : [];
  return {
    answers: replies.map((reply) => (reply instanceof ErrorReply ? { error: reply.message } : { result: reply })),
  };
}

/** A reply as JSON: strings by `writeString`, but for the status OK; integers, nulls and arrays as they are. */
function written(reply: unknown, writeString: WriteString): unknown {
  if (Array.isArray(reply)) return reply.map((item) => written(item, writeString));
  if (Buffer.isBuffer(reply)) return writeString(reply);
  if (typeof reply === 'string') return reply === 'OK' ? reply : writeString(Buffer.from(reply));
  if (reply instanceof ErrorReply) return writeString(Buffer.from(reply.message));
  return reply ?? null;
}

function commandsIn(body: Buffer): string[][] | undefined {
  const parsed = parsedJson(body);
  if (!Array.isArray(parsed) || parsed.length === 0) return undefined;
  const commands = parsed.map(argumentsIn);
  return commands.every((args) => args !== undefined) ? commands : undefined;
}

function commandIn(body: Buffer): string[] | undefined {
  return argumentsIn(parsedJson(body));
}

/** `/set/foo` with the value as the body and `?EX=100` is `SET foo VALUE EX 100`. */
function commandInPath({ url, method, body }: HttpCall): string[] | undefined {
  const args = url.pathname.slice(1).split('/').map(decodeURIComponent);
  if (args[0] === undefined || args[0] === '') return undefined;
  if ((method === 'POST' || method === 'PUT') && body.byteLength > 0) args.push(body.toString('utf8'));
  for (const [name, value] of url.searchParams)
    if (name !== '_token') args.push(name, ...(value === '' ? [] : [value]));
  return args;
}

function argumentsIn(value: unknown): string[] | undefined {
  if (!Array.isArray(value) || value.length === 0) return undefined;
  const args: string[] = [];
  for (const item of value) {
    if (typeof item !== 'string' && typeof item !== 'number' && typeof item !== 'boolean') return undefined;
    args.push(String(item));
  }
  return args;
}

function parsedJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}

function failure(status: number, error: string): Response {
  return Response.json({ error }, { status });
}
