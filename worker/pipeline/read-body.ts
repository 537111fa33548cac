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
  const bytes = await readBytes(request);
  const encoding = request.headers.get('content-encoding');
  const decoded = encoding === null ? bytes : decompress(bytes, encoding, MAX_BODY_BYTES);
  try {
    return utf8.decode(decoded);
  } catch {
    throw new Failure('invalid_json', 'The request body is not UTF-8. Encode it as UTF-8 JSON.');
  }
}

async function readBytes(request: Request): Promise<Uint8Array> {
  const length = request.headers.get('content-length');
  if (length === null) return readBounded(request.body, MAX_BODY_BYTES);
  // The runtime holds the sender to the length that it announced.
  if (Number(length) > MAX_BODY_BYTES) throw tooLarge(MAX_BODY_BYTES);
  return new Uint8Array(await request.arrayBuffer());
}

async function readBounded(body: ReadableStream<Uint8Array> | null, limit: number): Promise<Uint8Array> {
  const collected = body && (await collect(body, limit));
  if (collected === undefined) throw tooLarge(limit);
  return collected ?? new Uint8Array();
}
