import {
  SECTION_KINDS,
  type BucketedKind,
  type Generation,
  type Pointer,
  type SectionHashes,
} from '../contract/routing-table.ts';
import { KNOWN_SCHEMA_VERSIONS } from '../contract/schema-version.ts';
import type { Blob } from './compile/compilation.ts';

/** A whole table as bytes: the buckets of every section, in order. */
export type TableBlobs = Readonly<Record<BucketedKind, readonly Blob[]>>;

/** What should be at the edge. */
export interface DesiredTable {
  /** Origin of the edge. */
  readonly edge: string;
  readonly cluster: string;
  readonly clusterUid: string;
  /** Id of the key that signs. */
  readonly kid: string;
  /** One that this build writes and every deployed worker reads. */
  readonly schemaVersion: number;
  /** The revision that the table goes back to. */
  readonly rollbackOf?: string;
  readonly blobs: TableBlobs;
}

/** What is at the edge. */
export interface HeldTable {
  readonly revision: string;
  /** Id of the key that signed it; none where it is not a signature of ours. */
  readonly kid: string | undefined;
  readonly pointer: Pointer;
  /** The edge knows of a newer generation than this one, so that isolates may not take it: the hub was wiped. */
  readonly isBehind?: boolean;
}

/** A pointer before it gets its generation and its time of issue. */
export type PointerDraft = Omit<Pointer, 'generation' | 'issuedAt'>;

export type Plan =
  | { readonly type: 'Unchanged'; readonly held: HeldTable }
  | { readonly type: 'Publish'; readonly draft: PointerDraft; readonly blobs: readonly Blob[] };

/**
 * What to do so that the edge holds the desired table.
 *
 * | the edge holds                                   | then                                        |
 * |--------------------------------------------------|---------------------------------------------|
 * | nothing                                          | publish, replacing nothing                  |
 * | other sections                                   | publish, replacing the generation held      |
 * | the same sections, for another cluster UID, edge or name, under another schema version or signed by another key | publish: what is signed differs |
 * | the same sections, under a lower generation than the edge has known | publish: isolates that serve the higher one would not take it |
 * | the same sections, and all of the above the same | nothing: time of issue, generation and what it goes back to never cause a publication |
 *
 * All blobs go into the plan, because only the edge knows which of them it has: a wiped hub has none.
 */
export function plan(held: HeldTable | null, desired: DesiredTable): Plan {
  const { edge, cluster, clusterUid, kid, schemaVersion, rollbackOf, blobs } = desired;
  const replaces: Generation | null = held?.pointer.generation ?? null;
  const draft = {
    schemaVersion,
    edge,
    cluster,
    clusterUid,
    replaces,
    ...(rollbackOf !== undefined && { rollbackOf }),
    sections: hashesOf(blobs),
  };
  if (held && holds(held, draft, kid)) return { type: 'Unchanged', held };
  const distinct = new Map(SECTION_KINDS.flatMap((kind) => blobs[kind]).map((blob) => [blob.sha256, blob]));
  return { type: 'Publish', draft, blobs: [...distinct.values()] };
}

/**
 * The version to write: the highest that this build knows and every deployed worker reads; undefined where they have
 * none in common.
 *
 * @param reads versions that all workers read
 */
export function commonSchemaVersion(reads: readonly number[]): number | undefined {
  const common = KNOWN_SCHEMA_VERSIONS.filter((version) => reads.includes(version));
  return common.length === 0 ? undefined : Math.max(...common);
}

/** Whether what is held says what the draft would say, signed by that key. */
export function holds({ pointer, kid, isBehind = false }: HeldTable, draft: PointerDraft, signer: string): boolean {
  return (
    !isBehind &&
    kid === signer &&
    pointer.schemaVersion === draft.schemaVersion &&
    pointer.edge === draft.edge &&
    pointer.cluster === draft.cluster &&
    pointer.clusterUid === draft.clusterUid &&
    sameSections(pointer.sections, draft.sections)
  );
}

export function hashesOf(blobs: TableBlobs): SectionHashes {
  const hashes = (kind: BucketedKind) => blobs[kind].map(({ sha256 }) => sha256);
  return {
    routes: hashes('routes'),
    models: hashes('models'),
    providers: hashes('providers'),
    consumers: hashes('consumers'),
    secrets: hashes('secrets'),
    keys: hashes('keys'),
  };
}

function sameSections(a: SectionHashes, b: SectionHashes): boolean {
  return SECTION_KINDS.every(
    (kind) => a[kind].length === b[kind].length && a[kind].every((hash, index) => hash === b[kind][index]),
  );
}
