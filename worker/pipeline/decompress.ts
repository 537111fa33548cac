import { brotliDecompressSync, gunzipSync, inflateSync, zstdDecompressSync } from 'node:zlib';
import { Failure } from '../errors.ts';

const DECODERS: ReadonlyMap<string, typeof gunzipSync> = new Map([
  ['gzip', gunzipSync],
  ['x-gzip', gunzipSync],
  ['deflate', inflateSync],
  ['br', brotliDecompressSync],
  ['zstd', zstdDecompressSync],
]);

/**
 * Undoes a request's content-encoding.
 *
 * @param limit in bytes, of the output: decoding stops there
 * @throws {Failure} for an encoding that is not known, bytes that are not in it, and an output beyond the limit
 */
export function decompress(bytes: Uint8Array, encoding: string, limit: number): Uint8Array {
  const name = encoding.trim().toLowerCase();
  if (name === '' || name === 'identity') return bytes;
  const decode = DECODERS.get(name);
  if (!decode)
    throw new Failure(
      'unsupported_content_encoding',
      'This content-encoding is not understood. Send the body as it is, or in one of gzip, br, zstd and deflate.',
    );
  let output: Uint8Array;
  try {
    output = decode(bytes, { maxOutputLength: limit });
  } catch (error) {
    if (error instanceof RangeError) throw tooLarge(limit);
    throw new Failure('invalid_request', `The request body is not valid ${name}, as its content-encoding says.`);
  }
  if (output.byteLength > limit) throw tooLarge(limit);
  return output;
}

export function tooLarge(limit: number): Failure {
  return new Failure(
    'request_too_large',
    `The request body is larger than ${limit / (1024 * 1024)} MiB. Send less at once.`,
  );
}
