import type { Clock } from '../clock.ts';
import { withDeadline } from '../publish/deadline.ts';

/** What is used of `fetch`, so that undici's own may be given, with a dispatcher of ours behind it. */
export type MetricsFetch = (
  url: URL,
  request: {
    readonly method: 'GET' | 'POST';
    readonly headers: Readonly<Record<string, string>>;
    readonly body?: string;
    readonly redirect: 'manual';
    readonly signal: AbortSignal;
  },
) => Promise<{ readonly status: number; readonly body: AsyncIterable<Uint8Array> | null }>;

export interface ScrapeSurroundings {
  readonly fetch: MetricsFetch;
  readonly clock: Clock;
  /** For each answer, from first to last byte. */
  readonly timeoutMs: number;
}

/**
 * A page of metrics is some hundred kilobytes; who sends more is read no further, and has said nothing. Dozens are read
 * at once, and anybody's may be among them.
 */
const MOST_BYTES = 1024 * 1024;

/**
 * The text that is answered with 200, redirects not followed. Undefined for any other answer, and for none: that a
 * server does not tell its load is no failure of ours. @throws the signal's reason
 */
export async function fetchMetrics(
  url: URL,
  request: {
    readonly headers?: Readonly<Record<string, string>>;
    readonly form?: URLSearchParams;
    readonly mostBytes?: number;
  },
  { fetch, clock, timeoutMs }: ScrapeSurroundings,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { form, headers, mostBytes = MOST_BYTES } = request;
  const whole = async (signal: AbortSignal): Promise<string | undefined> => {
    const answer = await fetch(url, {
      method: form ? 'POST' : 'GET',
      headers: { ...headers, ...(form && { 'content-type': 'application/x-www-form-urlencoded' }) },
      ...(form && { body: form.toString() }),
      redirect: 'manual',
      signal,
    });
    const text = await readText(answer.body ?? [], mostBytes);
    return answer.status === 200 ? text : undefined;
  };
  try {
    return await withDeadline(whole, timeoutMs, clock, signal);
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
}

/** Leaving the loop early ends the stream, and with it the connection. */
async function readText(
  body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  mostBytes: number,
): Promise<string | undefined> {
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.byteLength;
    if (bytes > mostBytes) return undefined;
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}
