import { HUB_NAME } from '../../contract/storage-keys.ts';
import type { BlobSource } from './fetch-blobs.ts';
import type { HubClient } from './hub-protocol.ts';
import type { TableHub } from './hub-object.ts';

/** The one hub, called anew each time: a stub belongs to the request that made it. */
export function hubClient(namespace: DurableObjectNamespace<TableHub>): HubClient {
  const hub = () => namespace.getByName(HUB_NAME);
  return {
    claimTerm: async (cluster, claim) => hub().claimTerm(cluster, claim),
    missingBlobs: async (hashes) => hub().missingBlobs(hashes),
    putBlob: async (sha256, bytes) => hub().putBlob(sha256, bytes),
    getBlobs: async (hashes, asker) => hub().getBlobs(hashes, asker),
    admit: async (cluster, jws) => hub().admit(cluster, jws),
    admitFromInbox: async (cluster, notice) => hub().admitFromInbox(cluster, notice),
    state: async (cluster) => hub().state(cluster),
    history: async (cluster) => hub().history(cluster),
    evict: async (cluster) => hub().evict(cluster),
    takeSignals: async (cluster, report) => hub().takeSignals(cluster, report),
    poll: async (question) => hub().poll(question),
  };
}

/** The hub as a place that has blobs. One answer of it holds what fits: it is asked until it has no more. */
export function hubBlobs(hub: Pick<HubClient, 'getBlobs'>): BlobSource {
  return {
    name: 'hub',
    async get(wanted) {
      const found = new Map<string, Uint8Array<ArrayBuffer>>();
      let rest = wanted.map(({ sha256 }) => sha256);
      while (rest.length > 0) {
        const blobs = await hub.getBlobs(rest, 'isolate');
        if (blobs.length === 0) break;
        for (const { sha256, bytes } of blobs) found.set(sha256, bytes);
        rest = rest.filter((sha256) => !found.has(sha256));
      }
      return found;
    },
  };
}
