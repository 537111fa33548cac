import { sha256Hex } from '../../contract/encoding.ts';
import type { BucketedKind } from '../../contract/routing-table.ts';
import type { TableLog } from './table-log.ts';
import { within } from './within.ts';

export interface WantedBlob {
  readonly kind: BucketedKind;
  readonly sha256: string;
}

export type Blobs = ReadonlyMap<string, Uint8Array<ArrayBuffer>>;

/** A place that has blobs. What it does not have it leaves out; what it gives is not believed before it is hashed. */
export interface BlobSource {
  readonly name: 'hub' | 'kv';
  get(wanted: readonly WantedBlob[]): Promise<Blobs>;
}

export interface BlobSources {
  readonly hub: BlobSource;
  readonly kv: BlobSource;
  readonly log: TableLog;
}

/** How long a place may take before the other one is asked, in milliseconds. */
const SOURCE_TIMEOUT_MS = 4_000;

/**
 * Gets blobs and verifies them: those of `recent` from the hub, the others from KV, both at once; then what a place
 * did not have, or had wrong, from the other one. What nobody has is not in the answer.
 */
export async function fetchBlobs(
  wanted: readonly WantedBlob[],
  recent: ReadonlySet<string>,
  { hub, kv, log }: BlobSources,
): Promise<Blobs> {
  const young = wanted.filter(({ sha256 }) => recent.has(sha256));
  const settled = wanted.filter(({ sha256 }) => !recent.has(sha256));
  const [fromHub, fromKv] = await Promise.all([genuine(hub, young, log), genuine(kv, settled, log)]);
  const [restOfKv, restOfHub] = await Promise.all([
    genuine(hub, without(settled, fromKv), log),
    genuine(kv, without(young, fromHub), log),
  ]);
  return new Map([...fromHub, ...fromKv, ...restOfKv, ...restOfHub]);
}

async function genuine(source: BlobSource, wanted: readonly WantedBlob[], log: TableLog): Promise<Blobs> {
  if (wanted.length === 0) return new Map();
  try {
    const found = await within(SOURCE_TIMEOUT_MS, source.get(wanted));
    const checked = await Promise.all(
      [...found].map(async ([sha256, bytes]) => ({ sha256, bytes, actual: await sha256Hex(bytes) })),
    );
    for (const { sha256, actual } of checked)
      if (actual !== sha256) log('warn', 'a blob is not what its name says', { source: source.name, sha256, actual });
    return new Map(
      checked.filter(({ sha256, actual }) => actual === sha256).map(({ sha256, bytes }) => [sha256, bytes]),
    );
  } catch (error) {
    log('warn', 'blobs cannot be read', { source: source.name, error: String(error) });
    return new Map();
  }
}

function without(wanted: readonly WantedBlob[], found: Blobs): WantedBlob[] {
  return wanted.filter(({ sha256 }) => !found.has(sha256));
}
