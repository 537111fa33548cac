import { Failure } from '../errors.ts';
import { collect } from '../streaming/collect-bytes.ts';
import { decompress, tooLarge } from './decompress.ts';

/**
 * Of a request, in bytes, as sent and as decoded. An isolate has 128 MB for all its requests, and a body is there three
 * times while it is looked at: as bytes, as text and parsed.
 */
export const MAX_BODY_BYTES = 16 * 1024 * 1024;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false });

/** The body as text. @throws {Failure} with a sentence for the caller */
export async function readBody(request: Request): Promise<string> {
  const length = request.headers.get('content-length');
  // The runtime holds the sender to the length that it announced.
  if (length !== null && Number(length) > MAX_BODY_BYTES) throw tooLarge(MAX_BODY_BYTES);
  const encoding = request.headers.get('content-encoding');
  if (length !== null && encoding === null) return readText(request, Number(length));
  const bytes = await readBounded(request.body, MAX_BODY_BYTES);
  try {
    return utf8.decode(encoding === null ? bytes : decompress(bytes, encoding, MAX_BODY_BYTES));
  } catch (error) {
    throw error instanceof Failure ? error : notUtf8();
  }
}

/**
 * Reading text costs less than reading bytes and decoding them, but puts U+FFFD for what is not UTF-8. That is three
 * bytes long, and what it stands for one or two, so that a text that holds it honestly is told by its length.
 */
async function readText(request: Request, length: number): Promise<string> {
  const text = await request.text();
  if (text.includes('\u{FFFD}') && utf8Length(text) !== length) throw notUtf8();
  return text;
}

function utf8Length(text: string): number {
  return new TextEncoder().encode(text).byteLength;
}

function notUtf8(): Failure {
  return new Failure('invalid_json', 'The request body is not UTF-8. Encode it as UTF-8 JSON.');
}

async function readBounded(body: ReadableStream<Uint8Array> | null, limit: number): Promise<Uint8Array> {
  const collected = body && (await collect(body, limit));
  if (collected === undefined) throw tooLarge(limit);
  return collected ?? new Uint8Array();
}
