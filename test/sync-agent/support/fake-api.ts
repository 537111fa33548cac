import { ApiFailure, type ApiRequest, type KubernetesApi } from '../../../sync-agent/kubernetes/api.ts';
import { settle } from './manual-clock.ts';

/** One request, which the test answers. */
export interface Exchange {
  readonly request: ApiRequest;
  /** Path and query, for reading: `/api/v1/pods?watch=true`, in the order of the names. */
  readonly url: string;
  readonly isOver: () => boolean;
  /** Answers a call with a body, a stream with its beginning. */
  answer(body?: unknown): void;
  fail(
    status: number,
    more?: { readonly reason?: string; readonly retryAfterMs?: number; readonly message?: string },
  ): void;
  /** Sends events of a stream, having answered it. */
  send(...events: readonly unknown[]): Promise<void>;
  /** Sends bytes of a stream as they are. */
  sendBytes(bytes: Uint8Array): Promise<void>;
  /** Ends a stream in order. */
  end(): Promise<void>;
  /** Ends a stream as a lost connection does. */
  break(error?: Error): Promise<void>;
}

export interface FakeApi extends KubernetesApi {
  /** The requests that are open, in the order in which they came. */
  open(): readonly Exchange[];
  /** The one open request, once everything has run that can. @throws where there is none, or more than one */
  only(): Promise<Exchange>;
  /** The open request whose URL contains all of these. @throws where there is none, or more than one */
  find(...parts: readonly string[]): Promise<Exchange>;
}

/** An API server that is played by the test. */
export function fakeApi(): FakeApi {
  const exchanges = new Set<Exchange>();
  const begin = (request: ApiRequest, signal: AbortSignal): OpenExchange => {
    const exchange = new OpenExchange(request, () => exchanges.delete(exchange));
    exchanges.add(exchange);
    const abort = () => exchange.abort(signal.reason);
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
    return exchange;
  };
  const find: FakeApi['find'] = async (...parts) => {
    await settle();
    const found = [...exchanges].filter(({ url }) => parts.every((part) => url.includes(part)));
    if (found.length === 1 && found[0]) return found[0];
    throw new Error(
      `${found.length} requests like ${parts.join(' ')}; open: ${[...exchanges].map(({ url }) => url).join(' , ')}`,
    );
  };
  return {
    namespace: 'default',
    call: (request, signal) => begin(request, signal).body(),
    stream: (request, signal) => begin(request, signal).stream(),
    close: async () => undefined,
    open: () => [...exchanges],
    find,
    only: () => find(''),
  };
}

class OpenExchange implements Exchange {
  readonly request: ApiRequest;
  readonly url: string;
  readonly #answered = Promise.withResolvers<unknown>();
  readonly #over: () => void;
  readonly #chunks: Uint8Array[] = [];
  #isOver = false;
  #ending: { readonly error?: unknown } | undefined;
  #wake: () => void = () => undefined;

  constructor(request: ApiRequest, over: () => void) {
    this.request = request;
    this.#over = over;
    const query = Object.entries(request.query ?? {}).filter(([, value]) => value !== undefined);
    const text = query.toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([name, value]) => `${name}=${value}`);
    this.url = [request.path, ...(text.length > 0 ? [text.join('&')] : [])].join('?');
    this.#answered.promise.catch(() => undefined);
  }

  readonly isOver = (): boolean => this.#isOver;

  async body(): Promise<unknown> {
    try {
      return await this.#answered.promise;
    } finally {
      this.#finish();
    }
  }

  async stream(): Promise<AsyncIterable<Uint8Array>> {
    try {
      await this.#answered.promise;
    } catch (error) {
      this.#finish();
      throw error;
    }
    return this.#iterate();
  }

  async *#iterate(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        const chunk = this.#chunks.shift();
        if (chunk) yield chunk;
        else if (this.#ending && 'error' in this.#ending) throw this.#ending.error;
        else if (this.#ending) return;
        else await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    } finally {
      this.#finish();
    }
  }

  answer(body?: unknown): void {
    this.#answered.resolve(body);
  }

  fail(status: number, { message = `answered ${status}`, ...more }: Parameters<Exchange['fail']>[1] = {}): void {
    this.#answered.reject(new ApiFailure(message, { status, ...more }));
  }

  async send(...events: readonly unknown[]): Promise<void> {
    await this.sendBytes(Buffer.from(events.map((event) => `${JSON.stringify(event)}\n`).join('')));
  }

  async sendBytes(bytes: Uint8Array): Promise<void> {
    this.answer();
    this.#chunks.push(bytes);
    this.#wake();
    await settle();
  }

  async end(): Promise<void> {
    this.answer();
    await this.#end({});
  }

  async break(error: Error = new Error('other side closed')): Promise<void> {
    await this.#end({ error });
  }

  abort(reason: unknown): void {
    this.#answered.reject(reason);
    void this.#end({ error: reason });
  }

  async #end(ending: { readonly error?: unknown }): Promise<void> {
    this.#ending ??= ending;
    this.#wake();
    await settle();
  }

  #finish(): void {
    this.#isOver = true;
    this.#over();
  }
}
