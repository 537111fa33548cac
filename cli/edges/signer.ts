import { decodeProtectedHeader } from 'jose';

/** Id of the key that signed a pointer, as the pointer says of itself: for people, nothing is believed for it. */
export function signerOf(jws: string): string {
  try {
    return decodeProtectedHeader(jws).kid ?? 'none';
  } catch {
    return 'unknown';
  }
}
