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
import { inspectBucket } from './bucket-facts.ts';
import type { Refused } from './hub-protocol.ts';
import type { HubStore } from './hub-store.ts';

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
  const missing = store.missing(hashes, now);
  if (missing.length > 0) return missingFault(missing);
  const known = store.facts(hashes);
  for (const bucket of buckets) {
    const { kind, sha256 } = bucket;
    let facts = known.get(`${kind}/${sha256}`);
    if (!facts) {
      const bytes = store.blob(sha256);
      if (!bytes) return missingFault([sha256]);
      const inspection = inspectBucket(kind, bytes);
      if ('fault' in inspection) return schemaFault(bucket, inspection.fault);
      facts = inspection.facts;
      store.putFacts(kind, sha256, facts);
    }
    const fault = bucketFault(bucket, facts, trust);
    if (fault) return fault;
  }
  return undefined;
}
