import type { BucketedKind } from '../../contract/routing-table.ts';
import type { BlobStore } from './blob-store.ts';
import { inspectBucket, type BucketFacts, type Inspection } from './bucket-facts.ts';

/**
 * The facts of a stored bucket: those that are known, or else what an inspection finds, which is remembered.
 *
 * @param known what `blobs.facts` gave
 * @returns undefined where there is no such blob
 */
export function storedFacts(
  blobs: BlobStore,
  kind: BucketedKind,
  sha256: string,
  known: ReadonlyMap<string, BucketFacts>,
): Inspection | undefined {
  const facts = known.get(`${kind}/${sha256}`);
  if (facts) return { facts };
  const bytes = blobs.get(sha256);
  if (!bytes) return undefined;
  const inspection = inspectBucket(kind, bytes);
  if ('facts' in inspection) blobs.putFacts(kind, sha256, inspection.facts);
  return inspection;
}
