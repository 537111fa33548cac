import { MAX_BUCKET_BYTES } from '../../contract/buckets.ts';
import { sha256Hex } from '../../contract/encoding.ts';
import type { Fault } from './admission.ts';

/** What speaks against keeping bytes under a name. */
export async function blobFault(sha256: string, bytes: Uint8Array<ArrayBuffer>): Promise<Fault | undefined> {
  if (bytes.byteLength > MAX_BUCKET_BYTES) return largeBlob(`The blob has ${bytes.byteLength} bytes`);
  const actual = await sha256Hex(bytes);
  if (actual === sha256) return undefined;
  return { rule: 'blob-hash', message: `The blob's SHA-256 is ${actual}, and it was put as ${sha256}.` };
}

export function largeBlob(what: string): Fault {
  return { rule: 'blob-size', message: `${what}, and the hub takes ${MAX_BUCKET_BYTES}.` };
}
