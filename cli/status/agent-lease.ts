import type { Clock } from '../../sync-agent/clock.ts';
import { ApiFailure, type KubernetesApi } from '../../sync-agent/kubernetes/api.ts';
import { readLease, type Lease } from '../../sync-agent/leader/lease.ts';

/** What the Lease of a cluster's agents tells of them. */
export type AgentLease =
  /** @property since RFC 3339, where the Lease says it @property renewedAt RFC 3339 */
  | { readonly type: 'Led'; readonly holder: string; readonly since: string | null; readonly renewedAt: string | null }
  /** Whoever held it last does not renew it any more, or has given it back: then `holder` is empty. */
  | { readonly type: 'NotLed'; readonly holder: string; readonly renewedAt: string | null }
  /** There is no such Lease: no agent has ever run there. */
  | { readonly type: 'Absent'; readonly namespace: string }
  /** @property reason a sentence */
  | { readonly type: 'Unknown'; readonly reason: string };

export interface LeaseName {
  readonly namespace: string;
  readonly name: string;
}

/** A leader renews its Lease at least this often, in milliseconds; twice that without, and it leads no longer. */
const RENEWED_WITHIN_MS = 5_000;
const PAUSE_MS = 500;

/**
 * Whether an agent leads, and since when. Clocks of agent and reader may differ: a Lease that does not look as if it
 * had just been renewed is looked at until it is, or until it would have been.
 */
export async function readAgentLease(
  api: Pick<KubernetesApi, 'call'>,
  { namespace, name }: LeaseName,
  clock: Clock,
  signal: AbortSignal,
): Promise<AgentLease> {
  const path = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/${name}`;
  const read = async (): Promise<Lease> => readLease(await api.call({ method: 'GET', path }, signal));
  try {
    const first = await read();
    if (isFresh(first, clock.now())) return led(first);
    if (first.record.holder === '') return notLed(first);
    for (const begun = clock.now(); clock.now() - begun < RENEWED_WITHIN_MS;) {
      await clock.wait(PAUSE_MS, signal);
      const again = await read();
      if (again.resourceVersion !== first.resourceVersion && again.record.holder !== '') return led(again);
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

function isFresh({ record: { holder, renewedAt } }: Lease, now: number): boolean {
  const age = now - Date.parse(renewedAt ?? '');
  return holder !== '' && age > -1000 && age < RENEWED_WITHIN_MS;
}

function led({ record: { holder, acquiredAt, renewedAt } }: Lease): AgentLease {
  return { type: 'Led', holder, since: acquiredAt ?? null, renewedAt: renewedAt ?? null };
}

function notLed({ record: { holder, renewedAt } }: Lease): AgentLease {
  return { type: 'NotLed', holder, renewedAt: renewedAt ?? null };
}
