import { bucketOf } from '../../contract/buckets.ts';
import { verifyPointer, type FindKey } from '../../contract/revision.ts';
import { SECTION_KINDS, type Generation, type Pointer, type SectionHashes } from '../../contract/routing-table.ts';
import type { Blobs, WantedBlob } from './fetch-blobs.ts';
import { missingBlob, routeBuckets } from './open-table.ts';
import { indexRoutes } from './route-claims.ts';
import { SectionBuckets } from './section-bucket.ts';

/** A verified revision with all of its buckets but the consumers' that nobody here has asked for. */
export interface LoadedRevision {
  readonly revision: string;
  readonly jws: string;
  readonly pointer: Pointer;
  readonly buckets: SectionBuckets;
}

export interface Offer {
  readonly revision: string;
  readonly jws: string;
}

export interface LoadContext {
  readonly edge: string;
  readonly cluster: string;
  readonly findKey: FindKey;
  /** What this isolate serves: its buckets are used again. */
  readonly held: LoadedRevision | undefined;
  /** Why a generation must not be served now, if it must not. */
  readonly objection: (generation: Generation) => string | undefined;
  /** The SHA-256 of the key of the request that waits, if one does: the bucket of its consumer comes along. */
  readonly firstKey: string | undefined;
  readonly fetch: (wanted: readonly WantedBlob[]) => Promise<Blobs>;
  /** Lets the event loop turn. */
  readonly turn: () => Promise<void>;
}

/**
 * Verifies an offered pointer, gets the buckets that are not in memory yet, and parses the routes among them, one
 * bucket a turn of the event loop: no request is to pay for all of them.
 *
 * @throws {Error} where the revision must not or cannot be served; the message says why, and nothing has changed
 */
export async function loadRevision({ revision, jws }: Offer, context: LoadContext): Promise<LoadedRevision> {
  const { edge, cluster, findKey, held, objection, firstKey, fetch, turn } = context;
  const pointer = await verifyPointer(jws, findKey);
  if (pointer.edge !== edge) throw new Error(`it is made for the edge ${pointer.edge}`);
  if (pointer.cluster !== cluster) throw new Error(`it is of the cluster ${pointer.cluster}`);
  const reason = objection(pointer.generation);
  if (reason !== undefined) throw new Error(reason);
  const buckets = (held?.buckets ?? new SectionBuckets()).only(pointer.sections);
  const needed = neededBlobs(pointer.sections, held).filter(({ kind, sha256 }) => !buckets.bytes(kind, sha256));
  const optional = bucketOfKey(pointer.sections, firstKey).filter(({ kind, sha256 }) => !buckets.bytes(kind, sha256));
  const found = await fetch(distinct([...needed, ...optional]));
  for (const { kind, sha256 } of [...needed, ...optional]) {
    const bytes = found.get(sha256);
    if (bytes) buckets.put(kind, sha256, bytes);
  }
  const missing = needed.find(({ sha256 }) => !found.has(sha256));
  if (missing) throw missingBlob(missing.sha256);
  for (const bucket of routeBuckets(pointer.sections, buckets)) if (indexRoutes(bucket, cluster)) await turn();
  return { revision, jws, pointer, buckets };
}

/** All buckets but those of consumers whom this isolate has not met. */
function neededBlobs(sections: SectionHashes, held: LoadedRevision | undefined): WantedBlob[] {
  const consumers = held ? consumersInUse(sections.consumers, held) : [];
  return SECTION_KINDS.flatMap((kind) =>
    (kind === 'consumers' ? consumers : sections[kind]).map((sha256) => ({ kind, sha256 })),
  );
}

function bucketOfKey(sections: SectionHashes, key: string | undefined): WantedBlob[] {
  const sha256 = key === undefined ? undefined : bucketOf('consumers', key, sections.consumers);
  return sha256 === undefined ? [] : [{ kind: 'consumers', sha256 }];
}

function distinct(wanted: readonly WantedBlob[]): WantedBlob[] {
  return [...new Map(wanted.map((blob) => [`${blob.kind}/${blob.sha256}`, blob])).values()];
}

/** The new buckets of those consumers whose old ones are in memory: they were met, and are not to wait again. */
function consumersInUse(next: readonly string[], { pointer, buckets }: LoadedRevision): string[] {
  const previous = pointer.sections.consumers;
  const inUse = previous.map((sha256) => buckets.json('consumers', sha256) !== undefined);
  return next.filter((_, index) => {
    const from = (index / next.length) * previous.length;
    const to = ((index + 1) / next.length) * previous.length;
    return inUse.slice(Math.floor(from), Math.ceil(to)).includes(true);
  });
}
