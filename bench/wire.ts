import { sha256Hex } from '../contract/encoding.ts';
import { PUBLISH_PATHS } from '../contract/publish-api.ts';
import { startEdge } from '../dev/edge.ts';
import type { Resource } from '../sync-agent/snapshot.ts';
import { IsolateDouble } from './isolate-double.ts';
import { startLargeAgent } from './large-agent.ts';
import { largeChanges } from './large-changes.ts';
import { clusterName, largeEdge, largeKey, type LargeEdge } from './large-edge.ts';
import { Revisions } from './large-revision.ts';

/** What one change, or the first table, costs on the network. Bodies only: headers are not counted. */
export type WireCost = PublishCost & PickUpCost & { change: string };

type PublishCost = {
  /** Of the agent, until the hub has admitted the table. */
  publishRequests: number;
  sent: number;
  received: number;
  /** Of the agent, to hear that it is served. */
  followRequests: number;
};

type PickUpCost = {
  /** Of one isolate, which polls, to hub and KV. */
  isolateCalls: number;
  isolateReceived: number;
};

/** A whole agent against an edge in workerd, and the worker's pick-up code on what such an agent publishes. */
export async function measureWire(): Promise<WireCost[]> {
  const large = await largeEdge();
  const edge = await startEdge({ port: 0, vars: large.vars });
  try {
    const network = new CountedNetwork();
    const agent = startLargeAgent(large, edge.url, network.fetch);
    const pickUp = await pickUpOf(large, edge.url);
    try {
      await agent.served();
      const costs: WireCost[] = [{ change: 'the first table', ...network.take(), ...(await pickUp([])) }];
      for (const { name, resource } of largeChanges) {
        const changed = resource(1);
        agent.offer(changed);
        await agent.served();
        costs.push({ change: name, ...network.take(), ...(await pickUp([changed])) });
      }
      return costs;
    } finally {
      await agent.stop();
    }
  } finally {
    await edge.dispose();
  }
}

class CountedNetwork {
  #cost: PublishCost = { publishRequests: 0, sent: 0, received: 0, followRequests: 0 };

  take(): PublishCost {
    const cost = this.#cost;
    this.#cost = { publishRequests: 0, sent: 0, received: 0, followRequests: 0 };
    return cost;
  }

  readonly fetch: typeof fetch = async (input, init) => {
    const { pathname } = new URL(input instanceof Request ? input.url : input);
    const response = await fetch(input, init);
    if (pathname === PUBLISH_PATHS.state(clusterName) || pathname === PUBLISH_PATHS.revision) {
      this.#cost.followRequests += 1;
      return response;
    }
    const body = init?.body;
    this.#cost.publishRequests += 1;
    this.#cost.sent += body instanceof Uint8Array ? body.length : 0;
    this.#cost.received += (await response.clone().arrayBuffer()).byteLength;
    return response;
  };
}

/** An isolate that has met one application, and picks up what changes. Nothing changed: it starts. */
async function pickUpOf(
  large: LargeEdge,
  origin: string,
): Promise<(changed: readonly Resource[]) => Promise<PickUpCost>> {
  const revisions = await Revisions.of(large, origin);
  const { FAIRLEAD_ENDPOINT = '', FAIRLEAD_CLUSTERS = '' } = large.vars(origin);
  const isolate = await IsolateDouble.start({ FAIRLEAD_ENDPOINT, FAIRLEAD_CLUSTERS }, await revisions.first());
  return async (changed) => {
    await isolate.settled();
    isolate.take();
    if (changed.length === 0) {
      await isolate.pickup.table(() => sha256Hex(largeKey));
    } else {
      isolate.publish(await revisions.next(changed));
      await isolate.pickup.refresh();
    }
    const { calls, bytes } = isolate.take();
    return { isolateCalls: calls, isolateReceived: bytes };
  };
}
