import type { EdgeController } from './controller.ts';
import { resourceId, resourceKey, type ResourceId, type ResourceOf, type SnapshotChange } from './snapshot.ts';
import type { ClusterObjects } from './source/source.ts';

type Gateway = ResourceOf<'EdgeGateway'>;

export interface RunningController {
  readonly edge: ResourceId;
  readonly controller: EdgeController;
  readonly stopping: AbortController;
  readonly ended: Promise<void>;
}

/**
 * Keeps an EdgeGateway that is deleted from vanishing before its edge has been evicted. A folder cannot: there the
 * agent goes by what it remembers.
 */
export interface DeletionHold {
  /**
   * Whether the EdgeGateway is to be held from now on. Never throws; is carried out when it can be.
   *
   * @param isNow whether it was held when it was last seen: others may take a finalizer away, or make it anew without
   */
  want(edge: ResourceId, isHeld: boolean, isNow?: boolean): void;
}

/** What stands in `metadata.finalizers` of an EdgeGateway that is held. */
export const EDGE_FINALIZER = 'fairlead.dev/edge';

/** Two EdgeGateways of one place would publish over one another. */
export function placeOf({ spec }: Gateway): string {
  return `${spec.clusterName} ${spec.endpoint}`;
}

/**
 * What becomes of edges whose EdgeGateway is gone, or is going: it was deleted and is held.
 *
 * | deletionPolicy | another EdgeGateway publishes to the same place | then                                       |
 * |----------------|-------------------------------------------------|--------------------------------------------|
 * | Retain         | -                                               | the edge goes on, nothing waits for it      |
 * | Evict          | yes: it inherits what is there                  | the same                                   |
 * | Evict          | no                                              | evicted, for as long as that takes          |
 */
export class Departures {
  readonly #hold: DeletionHold;
  /** Those that evict what was published to a place, by that place. */
  readonly #leaving = new Map<string, RunningController>();
  /** Deleted, and held by us until they have been evicted. */
  readonly #going = new Map<ResourceId, Gateway>();

  constructor(hold: DeletionHold) {
    this.#hold = hold;
  }

  get running(): readonly RunningController[] {
    return [...this.#leaving.values()];
  }

  /** Takes changes in, and returns them as everybody else is to see them: what is going is gone. */
  take(changes: readonly SnapshotChange[]): readonly SnapshotChange[] {
    const seen = changes.map((change): SnapshotChange => {
      if (change.type === 'Delete') this.#vanish(change.key);
      if (change.type === 'Delete' || change.resource.kind !== 'EdgeGateway') return change;
      const { metadata, spec } = change.resource;
      const edge = resourceId(metadata);
      if (metadata.deletionTimestamp) {
        if (metadata.finalizers?.includes(EDGE_FINALIZER)) this.#going.set(edge, change.resource);
        return { type: 'Delete', key: resourceKey(change.resource) };
      }
      const isNow = metadata.finalizers?.includes(EDGE_FINALIZER) ?? false;
      this.#hold.want(edge, spec.deletionPolicy === 'Evict', isNow);
      return change;
    });
    // One that is held may wait for its keys.
    if (changes.length > 0)
      for (const { edge, controller } of this.#leaving.values()) if (this.#going.has(edge)) controller.offer(changes);
    return seen;
  }

  /** Whoever deletes the whole kind does not mean the edges: nothing waits for them then. */
  releaseDoomed(edges: Iterable<ResourceId>, cluster: ClusterObjects | undefined): void {
    for (const edge of edges)
      if (cluster?.stored(`EdgeGateway/${edge}`)?.isDeleting === true) this.#hold.want(edge, false);
  }

  /** An EdgeGateway that had a controller is there no more. @param living places of those that are */
  end(running: RunningController, gateway: Gateway, living: ReadonlySet<string>): void {
    const { edge, stopping } = running;
    const latest = this.#going.get(edge) ?? gateway;
    if (isKept(latest, living)) stopping.abort(new Error(`EdgeGateway ${edge} is gone`));
    else this.#evict(running, placeOf(latest));
  }

  /**
   * Sees to those that are going: also those that no controller of ours has ever kept, because another agent led.
   *
   * @param start a controller for it, which has compiled nothing yet
   */
  settle(living: ReadonlySet<string>, start: (edge: ResourceId, gateway: Gateway) => RunningController): void {
    for (const [edge, gateway] of this.#going) {
      const leaving = this.#leaving.get(placeOf(gateway));
      if (isKept(gateway, living)) {
        if (leaving?.edge === edge) leaving.stopping.abort(new Error(`EdgeGateway ${edge} is to be retained`));
        this.#going.delete(edge);
        this.#hold.want(edge, false);
      } else if (!leaving) this.#evict(start(edge, gateway), placeOf(gateway));
    }
  }

  /** Somebody publishes to the place again: nothing is evicted there any more. Resolves once that is so. */
  async giveWay(place: string): Promise<void> {
    const leaving = this.#leaving.get(place);
    leaving?.controller.retain();
    await leaving?.ended;
  }

  #evict(running: RunningController, place: string): void {
    const { edge, controller, stopping, ended } = running;
    controller.evict(this.#going.has(edge));
    this.#leaving.set(place, running);
    void ended.finally(() => {
      if (this.#leaving.get(place) === running) this.#leaving.delete(place);
      // An agent that ends, or was overtaken, leaves it to the next.
      if (stopping.signal.aborted || !controller.hasLeft || !this.#going.delete(edge)) return;
      this.#hold.want(edge, false);
    });
  }

  #vanish(key: string): void {
    for (const [edge, gateway] of this.#going) {
      if (key !== resourceKey(gateway)) continue;
      this.#going.delete(edge);
      // Whoever took our finalizer away does not want to wait for the edge.
      const leaving = this.#leaving.get(placeOf(gateway));
      if (leaving?.edge === edge) leaving.stopping.abort(new Error(`EdgeGateway ${edge} is gone`));
    }
  }
}

function isKept(gateway: Gateway, living: ReadonlySet<string>): boolean {
  return gateway.spec.deletionPolicy === 'Retain' || living.has(placeOf(gateway));
}
