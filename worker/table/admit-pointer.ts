import type { Admission } from '../../contract/publish-api.ts';
import type { ClusterTrust } from '../../contract/cluster-trust.ts';
import type { Pointer } from '../../contract/routing-table.ts';
import {
  bucketFault,
  missingFault,
  namedBuckets,
  pointerFault,
  refusalOf,
  schemaFault,
  type Fault,
  type HubView,
} from './admission.ts';
import type { Refused } from './hub-protocol.ts';
import type { HubStore } from './hub-store.ts';
import { storedFacts } from './stored-facts.ts';

/** A pointer whose signature was verified. */
export interface VerifiedPush {
  readonly jws: string;
  readonly revision: string;
  readonly pointer: Pointer;
}

/**
 * Admits a push or refuses it. Synchronous from the first look at the store to the last write: no other push can come
 * between.
 */
export function admitPointer(
  store: HubStore,
  { edge, trust }: { readonly edge: string; readonly trust: ClusterTrust },
  { jws, revision, pointer }: VerifiedPush,
  now: number,
): Admission | Refused {
  const current = store.current(trust.name);
  const view: HubView = { edge, trust, current, ...store.cluster(trust.name) };
  const { generation } = pointer;
  if (current?.jws === jws) return { revision, generation, changed: false };
  const fault = pointerFault(pointer, view) ?? bucketsFault(store, pointer, trust, now);
  if (fault) return { refused: refusalOf(fault, view) };
  store.advance(pointer, { revision, jws }, now);
  return { revision, generation, changed: true };
}

function bucketsFault(store: HubStore, pointer: Pointer, trust: ClusterTrust, now: number): Fault | undefined {
  const buckets = namedBuckets(pointer);
  const hashes = buckets.map(({ sha256 }) => sha256);
  const missing = store.blobs.missing(hashes, now);
  if (missing.length > 0) return missingFault(missing);
  const known = store.blobs.facts(hashes);
  for (const bucket of buckets) {
    const inspection = storedFacts(store.blobs, bucket.kind, bucket.sha256, known);
    if (!inspection) return missingFault([bucket.sha256]);
    if ('fault' in inspection) return schemaFault(bucket, inspection.fault);
    const fault = bucketFault(bucket, inspection.facts, trust);
    if (fault) return fault;
  }
  return undefined;
}
