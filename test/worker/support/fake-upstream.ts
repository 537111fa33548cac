import type { Fetch } from '../../../worker/upstream/reach-provider.ts';

/** What a provider was sent. */
export interface UpstreamCall {
  readonly url: string;
  readonly method: string | undefined;
  readonly redirect: string | undefined;
  readonly headers: Headers;
  readonly text: string;
  /** The body, parsed. */
  readonly body: unknown;
  readonly signal: AbortSignal;
}

export type Answering = (call: UpstreamCall) => Response | Promise<Response>;

/** The Internet of a test: each host answers as it is told to, and every call is kept. */
export class FakeUpstream {
  readonly calls: UpstreamCall[] = [];
  readonly #answers = new Map<string, Answering>();
  readonly #waiting: { readonly count: number; readonly resolve: () => void }[] = [];

  /** Replaces what the host answered until now. */
  on(host: string, answer: Answering): this {
    this.#answers.set(host, answer);
    return this;
  }

  readonly fetch: Fetch = async (url, init) => {
    const { signal, body, method, redirect } = init;
    if (!signal || (typeof body !== 'string' && method !== 'GET')) throw new Error('expected a text and a signal');
    const text = typeof body === 'string' ? body : '';
    const headers = new Headers(init.headers);
    const call = { url, method, redirect, headers, text, body: text === '' ? undefined : JSON.parse(text), signal };
    this.calls.push(call);
    for (const { count, resolve } of this.#waiting) if (this.calls.length >= count) resolve();
    const answer = this.#answers.get(new URL(url).host);
    if (!answer) throw new TypeError(`nobody answers at ${url}`);
    return await Promise.race([answer(call), aborted(signal)]);
  };

  /** The only call. */
  get call(): UpstreamCall {
    const [call, ...more] = this.calls;
    if (!call || more.length > 0) throw new Error(`expected one call, not ${this.calls.length}`);
    return call;
  }

  /** Hosts, in the order of the calls. */
  get hosts(): string[] {
    return this.calls.map(({ url }) => new URL(url).host);
  }

  /** Resolves when so many calls have come. */
  called(count: number): Promise<void> {
    if (this.calls.length >= count) return Promise.resolve();
    return new Promise((resolve) => void this.#waiting.push({ count, resolve }));
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(new DOMException('The operation was aborted', 'AbortError')));
  });
}

/** A provider that takes the request and says nothing. */
export const silent: Answering = () => new Promise<never>(() => undefined);

/** A body that a test sends piece by piece. */
export class LiveBody {
  readonly stream: ReadableStream<Uint8Array>;
  /** Whoever read it wants no more of it. */
  isLetGo = false;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;

  constructor() {
    this.stream = new ReadableStream({
      start: (controller) => {
        this.#controller = controller;
      },
      cancel: () => {
        this.isLetGo = true;
      },
    });
  }

  send(text: string): void {
    this.#controller?.enqueue(new TextEncoder().encode(text));
  }

  end(): void {
    this.#controller?.close();
  }

  /** The connection is lost. */
  break(): void {
    this.#controller?.error(new Error('Network connection lost.'));
  }

  /** As the body of an answer, which breaks when the call is ended, as that of a real one does. */
  answer(init: ResponseInit = { headers: { 'content-type': 'text/event-stream' } }): Answering {
    return ({ signal }) => {
      signal.addEventListener('abort', () => {
        if (this.isLetGo) return;
        this.isLetGo = true;
        this.break();
      });
      return new Response(this.stream, init);
    };
  }
}
