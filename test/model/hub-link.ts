import type { InboxNotice, TermClaim } from '../../contract/publish-api.ts';
import type { Generation } from '../../contract/routing-table.ts';
import type { SignalReport } from '../../contract/signals.ts';
import type { Hub } from '../../worker/table/hub.ts';
import type { HubClient, PollAnswer, PollQuestion } from '../../worker/table/hub-protocol.ts';
import type { HubProcess } from './hub-process.ts';
import type { Ledger } from './ledger.ts';
import type { Network } from './network.ts';

export interface LinkSurroundings {
  readonly hub: HubProcess;
  readonly network: Network;
  readonly ledger: Ledger;
  /** An isolate has got an answer. @param askedAt when it began to ask */
  readonly told?: (answer: PollAnswer, askedAt: number) => void;
  /** The generation of the cluster that KV shows to everybody now, if it does. */
  readonly inKv: (cluster: string) => Generation | null;
  readonly now: () => number;
}

/** The hub as it is called from an isolate: over a network, with copies of everything, and a witness at the hub's door. */
export function linkToHub({ hub, network, ledger, told, inKv, now }: LinkSurroundings): HubClient {
  const over = <T>(work: (hub: Hub) => Promise<T>, size: 'small' | 'large' = 'small'): Promise<T> =>
    network.call(async () => structuredClone(await hub.call(work)), size);
  return {
    claimTerm: (cluster, claim: TermClaim) =>
      over(async (hub) => {
        const shown = inKv(cluster);
        const grant = await hub.claimTerm(cluster, claim);
        ledger.granted(cluster, [claim.floor, inKv(cluster) && shown], grant);
        return grant;
      }),
    missingBlobs: (hashes) => over((hub) => hub.missingBlobs(hashes)),
    putBlob: (sha256, bytes) => over((hub) => hub.putBlob(sha256, bytes)),
    getBlobs: (hashes, asker) => over((hub) => hub.getBlobs(hashes, asker), 'large'),
    admit: (cluster, jws) => over((hub) => hub.admit(cluster, jws)),
    admitFromInbox: (cluster, notice: InboxNotice) => over((hub) => hub.admitFromInbox(cluster, notice)),
    state: (cluster) => over((hub) => hub.state(cluster)),
    history: (cluster) => over((hub) => hub.history(cluster)),
    evict: (cluster) =>
      over(async (hub) => {
        await hub.evict(cluster);
        ledger.evicted(cluster);
      }),
    takeSignals: (cluster, report: SignalReport) => over((hub) => hub.takeSignals(cluster, report)),
    poll: async (question: PollQuestion) => {
      const askedAt = now();
      const asked = structuredClone(question);
      const answer = await over(async (hub) => {
        ledger.heard(asked);
        const answer = await hub.poll(asked);
        ledger.answered(answer);
        return answer;
      });
      told?.(answer, askedAt);
      return answer;
    },
  };
}
