import { z } from 'zod';
import type { Json } from '../../contract/canonical-json.ts';

/** The `spec` of a `coordination.k8s.io/v1` Lease, as client-go writes it. */
export interface LeaseRecord {
  /** Empty: nobody holds it. */
  readonly holder: string;
  /** For how long it holds after it was renewed, in seconds. */
  readonly durationSeconds: number;
  /** RFC 3339 with microseconds; for people. No decision looks at it: clocks of other machines are not ours. */
  readonly acquiredAt: string | undefined;
  readonly renewedAt: string | undefined;
  /** How often the holder changed. */
  readonly transitions: number;
}

export interface Lease {
  readonly record: LeaseRecord;
  readonly resourceVersion: string;
}

const lease = z.object({
  metadata: z.object({ resourceVersion: z.string() }),
  spec: z
    .object({
      holderIdentity: z.string().nullish(),
      leaseDurationSeconds: z.number().nullish(),
      acquireTime: z.string().nullish(),
      renewTime: z.string().nullish(),
      leaseTransitions: z.number().nullish(),
    })
    .nullish(),
});

/** @throws {z.ZodError} where it is no Lease */
export function readLease(body: unknown): Lease {
  const { metadata, spec } = lease.parse(body);
  return {
    resourceVersion: metadata.resourceVersion,
    record: {
      holder: spec?.holderIdentity ?? '',
      durationSeconds: spec?.leaseDurationSeconds ?? 0,
      acquiredAt: spec?.acquireTime ?? undefined,
      renewedAt: spec?.renewTime ?? undefined,
      transitions: spec?.leaseTransitions ?? 0,
    },
  };
}

/** @param resourceVersion of what it replaces; absent: there is none yet */
export function leaseBody(
  { namespace, name }: { readonly namespace: string; readonly name: string },
  record: LeaseRecord,
  resourceVersion?: string,
): Json {
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { namespace, name, ...(resourceVersion !== undefined && { resourceVersion }) },
    spec: {
      holderIdentity: record.holder,
      leaseDurationSeconds: record.durationSeconds,
      leaseTransitions: record.transitions,
      ...(record.acquiredAt !== undefined && { acquireTime: record.acquiredAt }),
      ...(record.renewedAt !== undefined && { renewTime: record.renewedAt }),
    },
  };
}

export function isSameRecord(a: LeaseRecord, b: LeaseRecord): boolean {
  return (
    a.holder === b.holder &&
    a.durationSeconds === b.durationSeconds &&
    a.acquiredAt === b.acquiredAt &&
    a.renewedAt === b.renewedAt &&
    a.transitions === b.transitions
  );
}
