import { forEachBounded } from '../for-each-bounded.ts';
import type { Retrying } from './backoff.ts';
import type { EdgeClient } from './edge-client.ts';
import type { TableCarrier } from './table-carrier.ts';

/** Blobs put at once. */
const PARALLEL_BLOBS = 4;

/** Straight to the edge: every blob by a call of its own, then the pointer. */
export function createEdgeCarrier(client: EdgeClient, retrying: Retrying): TableCarrier {
  return {
    putBlobs: (blobs, signal) =>
      forEachBounded(blobs, PARALLEL_BLOBS, (blob) => retrying(() => client.putBlob(blob, signal), signal)),
    putPointer: async ({ jws }, signal) => {
      // A retry whose predecessor had arrived after all is recognised by the hub as the same pointer.
      await retrying(() => client.putPointer(jws, signal), signal);
    },
  };
}
