import { utf8Bytes } from '../../contract/encoding.ts';
import { blobKey } from '../../contract/storage-keys.ts';
import type { BlobSource, WantedBlob } from './fetch-blobs.ts';

/** Keys of one bulk read. */
const BULK = 100;

/** The hub's copies in KV. Canonical JSON is read in bulk as text; bulk reads know no binary, so `keys` go one by one. */
export function kvBlobs(kv: KVNamespace): BlobSource {
  return {
    name: 'kv',
    async get(wanted) {
      const texts = wanted.filter(({ kind }) => kind !== 'keys').map(({ sha256 }) => sha256);
      const parts: string[][] = [];
      for (let at = 0; at < texts.length; at += BULK) parts.push(texts.slice(at, at + BULK));
      const found = await Promise.all([
        ...parts.map((hashes) => readTexts(kv, hashes)),
        ...wanted.filter(({ kind }) => kind === 'keys').map((blob) => readBytes(kv, blob)),
      ]);
      return new Map(found.flat());
    },
  };
}

type Found = [string, Uint8Array<ArrayBuffer>];

async function readTexts(kv: KVNamespace, hashes: readonly string[]): Promise<Found[]> {
  const texts = await kv.get(hashes.map(blobKey), 'text');
  return hashes.flatMap((sha256): Found[] => {
    const text = texts.get(blobKey(sha256));
    return text === null || text === undefined ? [] : [[sha256, utf8Bytes(text)]];
  });
}

async function readBytes(kv: KVNamespace, { sha256 }: WantedBlob): Promise<Found[]> {
  const bytes = await kv.get(blobKey(sha256), 'arrayBuffer');
  return bytes === null ? [] : [[sha256, new Uint8Array(bytes)]];
}
