import { MalformedAnswer, type StreamReader } from '../dialects/dialect.ts';
import { Failure } from '../errors.ts';
import { join } from '../streaming/collect-bytes.ts';
import { EventSieve } from '../streaming/event-sieve.ts';
import type { CallControl } from '../upstream/call-control.ts';

/** A stream of which the first part of the answer itself has come: from here on it belongs to the caller. */
export interface OpenStream {
  readonly type: 'Open';
  readonly status: number;
  readonly response: Response;
  readonly source: ReadableStreamDefaultReader<Uint8Array>;
  readonly sieve: EventSieve;
  readonly reader: StreamReader;
  /** What came until then, for the caller. */
  readonly held: Uint8Array | undefined;
  /** There is nothing more to read. */
  readonly isAtEnd: boolean;
}

/** Beyond this, in bytes, a stream without content is taken for what it is. */
const MAX_HELD = 256 * 1024;

/**
 * Reads a stream up to the commit point: the first text, reasoning, refusal or tool call, or the end of an answer that
 * has none. What fails until then may still be asked of another backend.
 *
 * @throws {MalformedAnswer | Failure} where no answer begins
 */
export async function openStream(
  response: Response,
  reader: StreamReader,
  control: CallControl,
  timeouts: { readonly firstEvent: number },
): Promise<OpenStream> {
  if (!isEventStream(response.headers) || !response.body) {
    await response.body?.cancel();
    throw new MalformedAnswer('it did not answer with a stream of events');
  }
  const source = response.body.getReader();
  control.reading(() => void source.cancel().catch(() => undefined));
  control.watchdog.expect('firstEvent', timeouts.firstEvent);
  const sieve = new EventSieve(reader);
  const held: Uint8Array[] = [];
  let size = 0;
  const keep = (bytes: Uint8Array | undefined): void => {
    if (!bytes) return;
    held.push(bytes);
    size += bytes.byteLength;
  };
  for (;;) {
    const { done, value } = await source.read();
    keep(done ? sieve.finish() : sieve.push(value));
    throwIfFailed(reader, sieve);
    if (reader.hasContent || reader.isWhole || size > MAX_HELD) {
      const all = size > 0 ? join(held, size) : undefined;
      return { type: 'Open', status: response.status, response, source, sieve, reader, held: all, isAtEnd: done };
    }
    if (done) throw new MalformedAnswer('its stream ended before the answer began');
  }
}

function throwIfFailed(reader: StreamReader, sieve: EventSieve): void {
  if (sieve.fault) throw sieve.fault;
  if (reader.error)
    throw new Failure('upstream_failed', 'The provider failed before its answer began. Try again.', {
      detail: `error event${reader.error.code === undefined ? '' : `, code ${reader.error.code}`}`,
    });
}

function isEventStream(headers: Headers): boolean {
  return headers.get('content-type')?.trimStart().toLowerCase().startsWith('text/event-stream') ?? false;
}
