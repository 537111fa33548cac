import { isDeepStrictEqual } from 'node:util';
import type { Generation } from '../contract/routing-table.ts';
import type { PublishTarget } from './compile/compilation.ts';
import { EdgeSession } from './edge-session.ts';
import type { ShrinkMode } from './guards/shrink.ts';
import type { Publisher } from './publish/publisher.ts';
import type { ResourceId } from './snapshot.ts';

export interface SessionKeeperOptions {
  /** The EdgeGateway. */
  readonly edge: ResourceId;
  readonly clusterUid: string;
  readonly shrink: ShrinkMode;
  /** @throws {PublishFailure} where the target's keys cannot be used */
  readonly openPublisher: (target: PublishTarget, floor: Generation | null) => Promise<Publisher>;
}

/** Holds the session of the edge that is published to. */
export class SessionKeeper {
  readonly #options: SessionKeeperOptions;
  #target: PublishTarget | undefined;
  #session: EdgeSession | undefined;

  constructor(options: SessionKeeperOptions) {
    this.#options = options;
  }

  get current(): EdgeSession | undefined {
    return this.#session;
  }

  /**
   * The session of the target, a new one where the target is another. What guards say makes no other target.
   *
   * @throws {PublishFailure} where the target's keys cannot be used
   */
  async of(target: PublishTarget): Promise<EdgeSession> {
    const known = this.#target && { ...this.#target, guards: target.guards };
    if (this.#session && isDeepStrictEqual(target, known)) {
      this.#target = target;
      return this.#session;
    }
    const { edge: gateway, openPublisher, clusterUid, shrink } = this.#options;
    const { endpoint, cluster } = target;
    const isSamePlace = this.#target?.endpoint === endpoint && this.#target.cluster === cluster;
    const floor = isSamePlace ? (this.#session?.held?.pointer.generation ?? null) : null;
    const publisher = await openPublisher(target, floor);
    this.#session = new EdgeSession({ publisher, gateway, endpoint, cluster, clusterUid, shrink });
    this.#target = target;
    return this.#session;
  }
}
