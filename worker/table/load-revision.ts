import { compareGenerations, generationName, verifyPointer, type FindKey } from '../../contract/revision.ts';
import { SECTION_KINDS, type Pointer, type SectionHashes } from '../../contract/routing-table.ts';
import type { Blobs, WantedBlob } from './fetch-blobs.ts';
import { missingBlob } from './open-table.ts';
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
  /** What this isolate serves: its buckets are used again, and nothing older replaces it. */
  readonly held: LoadedRevision | undefined;
  readonly fetch: (wanted: readonly WantedBlob[]) => Promise<Blobs>;
}

/**
 * Verifies an offered pointer and gets the buckets that are not in memory yet.
 *
 * @throws {Error} where the revision must not or cannot be served; the message says why, and nothing has changed
 */
export async function loadRevision({ revision, jws }: Offer, context: LoadContext): Promise<LoadedRevision> {
  const { edge, cluster, findKey, held, fetch } = context;
  const pointer = await verifyPointer(jws, findKey);
  if (pointer.edge !== edge) throw new Error(`it is made for the edge ${pointer.edge}`);
  if (pointer.cluster !== cluster) throw new Error(`it is of the cluster ${pointer.cluster}`);
  if (held && compareGenerations(pointer.generation, held.pointer.generation) <= 0)
    throw new Error(
      `its generation ${generationName(pointer.generation)} is not newer than ${generationName(held.pointer.generation)}`,
    );
  const buckets = (held?.buckets ?? new SectionBuckets()).only(pointer.sections);
  const wanted = wantedBlobs(pointer.sections, held).filter(({ kind, sha256 }) => !buckets.bytes(kind, sha256));
  const found = await fetch(wanted);
  for (const { kind, sha256 } of wanted) {
    const bytes = found.get(sha256);
    if (!bytes) throw missingBlob(sha256);
    buckets.put(kind, sha256, bytes);
  }
  return { revision, jws, pointer, buckets };
}

/** All buckets but those of consumers whom this isolate has not met. */
function wantedBlobs(sections: SectionHashes, held: LoadedRevision | undefined): WantedBlob[] {
  const consumers = held ? consumersInUse(sections.consumers, held) : [];
  const wanted = SECTION_KINDS.flatMap((kind) =>
    (kind === 'consumers' ? consumers : sections[kind]).map((sha256) => ({ kind, sha256 })),
  );
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
