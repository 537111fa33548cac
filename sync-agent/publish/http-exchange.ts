import type { Clock } from '../clock.ts';
import { DeadlineExceeded, withDeadline } from './deadline.ts';
import { retryAfterMs } from './retry-after.ts';

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array<ArrayBuffer> | undefined;
}

export interface HttpAnswer {
  readonly status: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** How long the other side asks to be left alone, in milliseconds. */
  readonly retryAfterMs: number | undefined;
}

export interface HttpSurroundings {
  readonly fetch: typeof fetch;
  readonly clock: Clock;
  /** For the whole exchange. */
  readonly timeoutMs: number;
}

/** No whole answer. The message continues a sentence that names who did not answer. */
export class NoAnswer extends Error {
  override name = 'NoAnswer';
  readonly why: 'unreachable' | 'timeout';

  constructor(why: NoAnswer['why'], message: string, cause: unknown) {
    super(message, { cause });
    this.why = why;
  }
}

/** One request and its whole answer, redirects not followed. @throws {NoAnswer}, or the signal's reason */
export async function exchange(
  { method, url, headers, body }: HttpRequest,
  { fetch, clock, timeoutMs }: HttpSurroundings,
  signal: AbortSignal,
): Promise<HttpAnswer> {
  const whole = async (signal: AbortSignal): Promise<HttpAnswer> => {
    const response = await fetch(url, { method, headers, ...(body && { body }), redirect: 'manual', signal });
    return {
      status: response.status,
      bytes: new Uint8Array(await response.arrayBuffer()),
      retryAfterMs: retryAfterMs(response.headers.get('retry-after'), clock.now()),
    };
  };
  try {
    return await withDeadline(whole, timeoutMs, clock, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof DeadlineExceeded)
      throw new NoAnswer('timeout', `did not answer within ${timeoutMs / 1000} s`, error);
    throw new NoAnswer('unreachable', `cannot be reached (${rootMessage(error)})`, error);
  }
}

/** undici hides what went wrong ("fetch failed") in the cause. */
function rootMessage(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.cause instanceof Error) return rootMessage(error.cause);
  return error.message || ('code' in error ? String(error.code) : error.name);
}

/** The answer's text as JSON, or undefined where it is none. */
export function parsedJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}

/** The answer's text, for a sentence. @param secret what must not stand in it, should the answer quote it */
export function excerpt(bytes: Uint8Array, secret?: string): string {
  const text = new TextDecoder().decode(bytes.subarray(0, 4096));
  const line = (secret ? text.replaceAll(secret, '…') : text).replaceAll(/\s+/g, ' ').trim();
  return line === '' ? 'no text' : line.length > 160 ? `${line.slice(0, 160)}…` : line;
}
