import { isDeepStrictEqual } from 'node:util';
import { Agent, ProxyAgent, request as send, type Dispatcher } from 'undici';
import { AGENT_NAME } from '../agent-name.ts';
import type { Clock } from '../clock.ts';
import { DeadlineExceeded, withDeadline } from '../publish/deadline.ts';
import { ApiFailure, type ApiRequest, type KubernetesApi } from './api.ts';
import { AccessFailure, type ClusterAccess, type Credentials, type TlsMaterial } from './cluster-access.ts';
import { RenewedCredentials } from './renewed-credentials.ts';
import { failureOf } from './status-failure.ts';

export interface ApiOptions {
  readonly access: ClusterAccess;
  readonly clock: Clock;
  /** Told of each exchange. */
  readonly onRequest?: ((request: RequestTold) => void) | undefined;
}

/** As Kubernetes' own clients count them in `rest_client_requests_total`. */
export interface RequestTold {
  /** HTTP status; `<error>` where there was no answer. */
  readonly code: string;
  readonly method: string;
  /** Host and port. */
  readonly host: string;
}

const CALL_MS = 30_000;
/** Watches are silent for a minute, between one bookmark and the next. */
const SILENCE_MS = 120_000;

const CONNECTIONS = {
  // With HTTP/2 all watches share one connection, whose server lets 100 of them through and leaves the rest to hang.
  allowH2: false,
  // A watch holds one for itself, and there are two a namespace: with a bound, a large cluster's would leave none for the
  // Lease. Calls are few at a time by themselves.
  connections: null,
  pipelining: 1,
  headersTimeout: CALL_MS,
  bodyTimeout: SILENCE_MS,
  keepAliveTimeout: 30_000,
} as const;

export function createKubernetesApi(options: ApiOptions): KubernetesApi {
  return new UndiciApi(options);
}

class UndiciApi implements KubernetesApi {
  readonly namespace: string;
  readonly #options: ApiOptions;
  readonly #credentials: RenewedCredentials;
  readonly #host: string;
  /** All that were made and may have something running over them. */
  readonly #dispatchers = new Set<Dispatcher>();
  #connections: { readonly tls: TlsMaterial; readonly dispatcher: Dispatcher } | undefined;

  constructor(options: ApiOptions) {
    this.#options = options;
    this.namespace = options.access.namespace;
    this.#credentials = new RenewedCredentials(options.access, options.clock);
    this.#host = new URL(options.access.server).host;
  }

  async call(request: ApiRequest, signal: AbortSignal): Promise<unknown> {
    const timeoutMs = request.timeoutMs ?? CALL_MS;
    const whole = async (signal: AbortSignal): Promise<unknown> => {
      const { body } = await this.#answer(request, signal);
      const text = await body.text();
      return text === '' ? undefined : parsed(text);
    };
    try {
      return await withDeadline(whole, timeoutMs, this.#options.clock, signal);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof DeadlineExceeded)
        throw new ApiFailure(
          `${named(request)}: no answer within ${timeoutMs / 1000} s`,
          { status: 0 },
          { cause: error },
        );
      throw this.#unreachable(request, error);
    }
  }

  async stream(request: ApiRequest, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    try {
      return (await this.#answer(request, signal)).body;
    } catch (error) {
      signal.throwIfAborted();
      throw this.#unreachable(request, error);
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#dispatchers].map((dispatcher) => dispatcher.destroy()));
  }

  /** An answer that is a 2xx. @throws {ApiFailure}, or what the connection broke with */
  async #answer(request: ApiRequest, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    const credentials = await this.#credentials.current();
    let answer = await this.#send(request, credentials, signal);
    if (answer.statusCode === 401) {
      const others = await this.#credentials.insteadOf(credentials);
      if (others) {
        await answer.body.dump();
        answer = await this.#send(request, others, signal);
      }
    }
    if (answer.statusCode >= 200 && answer.statusCode < 300) return answer;
    throw await this.#refusal(request, answer);
  }

  async #send(request: ApiRequest, credentials: Credentials, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    const { method, body, contentType = 'application/json' } = request;
    const tell = (code: string) => this.#options.onRequest?.({ code, method, host: this.#host });
    try {
      const answer = await send(this.#urlOf(request), {
        dispatcher: this.#dispatcherFor(credentials.tls),
        method,
        headers: {
          accept: 'application/json',
          'user-agent': AGENT_NAME,
          ...(credentials.authorization !== undefined && { authorization: credentials.authorization }),
          ...(body !== undefined && { 'content-type': contentType }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        signal,
      });
      tell(String(answer.statusCode));
      return answer;
    } catch (error) {
      if (!signal.aborted) tell('<error>');
      throw error;
    }
  }

  #urlOf({ path, query = {} }: ApiRequest): string {
    const url = new URL(`${this.#options.access.server}${path}`);
    for (const [name, value] of Object.entries(query))
      if (value !== undefined) url.searchParams.set(name, String(value));
    return url.href;
  }

  /** The one there is, until a certificate is replaced. */
  #dispatcherFor(tls: TlsMaterial): Dispatcher {
    if (this.#connections && isDeepStrictEqual(this.#connections.tls, tls)) return this.#connections.dispatcher;
    // What runs over the old connections may end there.
    const old = this.#connections?.dispatcher;
    void old?.close().finally(() => this.#dispatchers.delete(old));
    const { proxy } = this.#options.access;
    const dispatcher =
      proxy === undefined
        ? new Agent({ ...CONNECTIONS, connect: { ...tls } })
        : new ProxyAgent({ ...CONNECTIONS, uri: proxy, requestTls: { ...tls } });
    this.#connections = { tls, dispatcher };
    this.#dispatchers.add(dispatcher);
    return dispatcher;
  }

  async #refusal(request: ApiRequest, { statusCode, headers, body }: Dispatcher.ResponseData): Promise<ApiFailure> {
    const retryAfter = headers['retry-after'];
    const { access, clock } = this.#options;
    const answer = { status: statusCode, retryAfter: typeof retryAfter === 'string' ? retryAfter : null };
    const failure = failureOf(named(request), { ...answer, body: parsed(await body.text()) }, clock.now());
    if (statusCode !== 401) return failure;
    const sentence = `the API server ${access.server} does not accept the credentials (401): ${access.whenRefused}`;
    return new ApiFailure(sentence, { status: 401, reason: failure.reason }, { cause: failure });
  }

  #unreachable(request: ApiRequest, error: unknown): Error {
    if (error instanceof ApiFailure) return error;
    if (error instanceof AccessFailure) return new ApiFailure(error.message, { status: 401 }, { cause: error });
    const sentence =
      `the API server ${this.#options.access.server} cannot be reached (${rootMessage(error)}), asked for ${named(request)}: ` +
      'is it running, and is there a way from here to it?';
    return new ApiFailure(sentence, { status: 0 }, { cause: error });
  }
}

function named({ method, path }: ApiRequest): string {
  return `${method} ${path}`;
}

/** JSON, or the text where it is none: then a proxy answered, or the server's own handler of faults. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function rootMessage(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.cause instanceof Error) return rootMessage(error.cause);
  return error.message || ('code' in error ? String(error.code) : error.name);
}
