import { z } from 'zod';
import type { Clock } from '../../sync-agent/clock.ts';
import { ApiFailure, type KubernetesApi } from '../../sync-agent/kubernetes/api.ts';

/** What the Lease of a cluster's agents tells of them. */
export type AgentLease =
  /** @property since RFC 3339, where the Lease says it @property renewedAt RFC 3339 */
  | { readonly type: 'Led'; readonly holder: string; readonly since: string | null; readonly renewedAt: string | null }
  /** Whoever held it last has stopped renewing it, or has given it back: then `holder` is empty. */
  | { readonly type: 'NotLed'; readonly holder: string; readonly renewedAt: string | null }
  /** There is no such Lease: no agent has ever run there. */
  | { readonly type: 'Absent'; readonly namespace: string }
  /** @property reason a sentence */
  | { readonly type: 'Unknown'; readonly reason: string };

export interface LeaseName {
  readonly namespace: string;
  readonly name: string;
}

const lease = z.object({
  metadata: z.object({ resourceVersion: z.string() }),
  spec: z
    .object({
      holderIdentity: z.string().nullish(),
      leaseDurationSeconds: z.number().nullish(),
      acquireTime: z.string().nullish(),
      renewTime: z.string().nullish(),
    })
    .nullish(),
});

type Lease = z.infer<typeof lease>;

/** A leader renews its Lease at least this often, in milliseconds. */
const RENEWED_WITHIN_MS = 5_000;
const PAUSE_MS = 500;

/**
 * Whether an agent leads, and since when. Clocks of agent and reader may differ: a Lease whose times look wrong is
 * looked at until it is renewed, or until it would have been.
 */
export async function readAgentLease(
  api: Pick<KubernetesApi, 'call'>,
  { namespace, name }: LeaseName,
  clock: Clock,
  signal: AbortSignal,
): Promise<AgentLease> {
  const path = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/${name}`;
  const read = async (): Promise<Lease> => lease.parse(await api.call({ method: 'GET', path }, signal));
  try {
    const first = await read();
    if (isFresh(first, clock.now())) return led(first);
    if (!first.spec?.holderIdentity) return notLed(first);
    for (const begun = clock.now(); clock.now() - begun < RENEWED_WITHIN_MS;) {
      await clock.wait(PAUSE_MS, signal);
      const again = await read();
      if (again.metadata.resourceVersion !== first.metadata.resourceVersion && again.spec?.holderIdentity)
        return led(again);
    }
    return notLed(first);
  } catch (error) {
    if (!(error instanceof ApiFailure)) throw error;
    if (error.status === 404) return { type: 'Absent', namespace };
    const reason =
      error.status === 403
        ? `you may not read Lease ${namespace}/${name}`
        : `the Lease cannot be read: ${error.message}`;
    return { type: 'Unknown', reason };
  }
}

function isFresh({ spec }: Lease, now: number): boolean {
  if (!spec?.holderIdentity) return false;
  const age = now - Date.parse(spec.renewTime ?? '');
  return age > -1000 && age < (spec.leaseDurationSeconds ?? 0) * 1000;
}

function led({ spec }: Lease): AgentLease {
  const { holderIdentity, acquireTime, renewTime } = spec ?? {};
  return { type: 'Led', holder: holderIdentity ?? '', since: acquireTime ?? null, renewedAt: renewTime ?? null };
}

function notLed({ spec }: Lease): AgentLease {
  return { type: 'NotLed', holder: spec?.holderIdentity ?? '', renewedAt: spec?.renewTime ?? null };
}
