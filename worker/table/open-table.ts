import { bucketIndex, bucketOf } from '../../contract/buckets.ts';
import { keyIndexHas } from '../../contract/key-index.ts';
import {
  SECTION_KINDS,
  type ConsumerEntry,
  type Generation,
  type JsonKind,
  type SectionEntries,
  type SectionHashes,
} from '../../contract/routing-table.ts';
import { RouteClaims } from './route-claims.ts';
import { SectionBuckets, type JsonBucket } from './section-bucket.ts';
import type { ClusterTable, ServedConsumer } from './served-table.ts';
import { TableUnavailable } from './table-unavailable.ts';

export interface TableParts {
  readonly cluster: string;
  readonly revision: string;
  readonly generation: Generation;
  readonly sections: SectionHashes;
  /** Every bucket that `sections` names, but for those of consumers, which `loadConsumers` may add later. */
  readonly buckets: SectionBuckets;
  /** Puts a bucket of consumers into `buckets`. @throws {TableUnavailable} where it is nowhere to be had */
  readonly loadConsumers: (sha256: string) => Promise<void>;
}

/** A table that answers out of verified buckets. Nothing is parsed before it is asked for. */
export function openTable(parts: TableParts): ClusterTable {
  const { cluster, revision, generation, sections, buckets, loadConsumers } = parts;
  const routes = new RouteClaims(cluster, routeBuckets(sections, buckets));

  const entry = <K extends Exclude<JsonKind, 'routes' | 'consumers'>>(
    kind: K,
    id: string,
  ): SectionEntries[K][string] | undefined => {
    const sha256 = bucketOf(kind, id, sections[kind]);
    return sha256 === undefined ? undefined : held(buckets.json(kind, sha256), sha256).entry(id);
  };

  const served = (consumer: ConsumerEntry | undefined): ServedConsumer | undefined =>
    consumer && { ...consumer, cluster };

  const table: ClusterTable = {
    cluster,
    revision,
    generation,
    get clusters() {
      return alone;
    },
    unavailable: [],
    of: () => table,
    claimsOn: (model) => routes.on(model),
    claims: () => routes.all(),
    model: (id) => entry('models', id),
    provider: (id) => entry('providers', id),
    secret: (id) => entry('secrets', id),
    hasKey(digest) {
      const count = sections.keys.length;
      const sha256 = count === 0 ? undefined : sections.keys[bucketIndex(digestAddress(digest), count)];
      return sha256 !== undefined && keyIndexHas(held(buckets.keys(sha256), sha256), digest);
    },
    consumer(digest) {
      const sha256 = bucketOf('consumers', digest, sections.consumers);
      if (sha256 === undefined) return undefined;
      const bucket = buckets.json('consumers', sha256);
      if (bucket) return served(bucket.entry(digest));
      return loadConsumers(sha256).then(() => served(held(buckets.json('consumers', sha256), sha256).entry(digest)));
    },
  };
  const alone = [table];
  return table;
}

/** Two buckets with the same content (both empty, say) are one. */
export function routeBuckets(sections: SectionHashes, buckets: SectionBuckets): JsonBucket<'routes'>[] {
  return [...new Set(sections.routes)].map((sha256) => held(buckets.json('routes', sha256), sha256));
}

/** A table of which everything is at hand. */
export function tableOf(
  parts: Pick<TableParts, 'cluster' | 'revision' | 'generation' | 'sections'>,
  blobs: ReadonlyMap<string, Uint8Array>,
): ClusterTable {
  const buckets = new SectionBuckets();
  for (const kind of SECTION_KINDS)
    for (const sha256 of parts.sections[kind]) buckets.put(kind, sha256, held(blobs.get(sha256), sha256));
  return openTable({ ...parts, buckets, loadConsumers: (sha256) => Promise.reject(missingBlob(sha256)) });
}

export function missingBlob(sha256: string): TableUnavailable {
  return new TableUnavailable('missing-blob', `a part of the table is missing (${sha256.slice(0, 12)}): try again`);
}

function held<T extends JsonBucket<JsonKind> | Uint8Array>(part: T | undefined, sha256: string): T {
  if (!part) throw missingBlob(sha256);
  return part;
}

/** The address of a key whose SHA-256 is given as bytes: what entryAddress gives for its hexadecimal digits. */
function digestAddress(digest: Uint8Array): number {
  return new DataView(digest.buffer, digest.byteOffset, digest.byteLength).getUint32(0);
}
