import { SECTION_KINDS, type BucketedKind, type Pointer } from '../../contract/routing-table.ts';
import type { Blob } from '../compile/compilation.ts';
import type { TableBlobs } from '../plan.ts';

/** A whole table that the edge held once. */
export interface OldTable {
  readonly schemaVersion: number;
  readonly blobs: TableBlobs;
}

/** What a pointer names; undefined where bytes of it are lost. */
export function tableOf(
  { schemaVersion, sections }: Pick<Pointer, 'schemaVersion' | 'sections'>,
  bytes: ReadonlyMap<string, Uint8Array>,
): OldTable | undefined {
  if (SECTION_KINDS.some((kind) => sections[kind].some((hash) => !bytes.has(hash)))) return undefined;
  const blobs = (kind: BucketedKind) =>
    sections[kind].map((sha256): Blob => ({ sha256, bytes: new Uint8Array(bytes.get(sha256) ?? []) }));
  return {
    schemaVersion,
    blobs: {
      routes: blobs('routes'),
      models: blobs('models'),
      providers: blobs('providers'),
      consumers: blobs('consumers'),
      secrets: blobs('secrets'),
      keys: blobs('keys'),
    },
  };
}
