/** What the tests use of Node's module: the Workers' types know nothing of it. */
declare module 'node:zlib' {
  export function gzipSync(bytes: Uint8Array): Uint8Array;
  export function deflateSync(bytes: Uint8Array): Uint8Array;
  export function brotliCompressSync(bytes: Uint8Array): Uint8Array;
  export function zstdCompressSync(bytes: Uint8Array): Uint8Array;
}
