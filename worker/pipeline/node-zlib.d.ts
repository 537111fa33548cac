/** What is used of the runtime's `node:zlib` (nodejs_compat); the Workers' types do not have it. */
declare module 'node:zlib' {
  interface Bounds {
    readonly maxOutputLength: number;
  }
  export function gunzipSync(input: Uint8Array, options: Bounds): Uint8Array;
  export function inflateSync(input: Uint8Array, options: Bounds): Uint8Array;
  export function brotliDecompressSync(input: Uint8Array, options: Bounds): Uint8Array;
  export function zstdDecompressSync(input: Uint8Array, options: Bounds): Uint8Array;
}
