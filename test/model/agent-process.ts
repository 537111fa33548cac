import type { Generation } from '../../contract/routing-table.ts';
import { SCHEMA_VERSION } from '../../contract/schema-version.ts';
import { systemClock, type Clock } from '../../sync-agent/clock.ts';
import type { Logger } from '../../sync-agent/log.ts';
import { plan, type HeldTable } from '../../sync-agent/plan.ts';
import { createRetrying } from '../../sync-agent/publish/backoff.ts';
import { createEdgeCarrier } from '../../sync-agent/publish/edge-carrier.ts';
import { createEdgeClient } from '../../sync-agent/publish/edge-client.ts';
import { EdgeConversation } from '../../sync-agent/publish/edge-conversation.ts';
import { createInboxCarrier, type InboxStore } from '../../sync-agent/publish/inbox-carrier.ts';
import { PublishFailure, retryOf } from '../../sync-agent/publish/publish-failure.ts';
import type { Publisher } from '../../sync-agent/publish/publisher.ts';
import type { SecretSealer } from '../../sync-agent/publish/seal-secrets.ts';
import { createTablePublisher } from '../../sync-agent/publish/table-publisher.ts';
import { Life, within } from './life.ts';
import { EDGE, uidOf, type ClusterKey, type ClusterName } from './model-clusters.ts';
import type { ModelTable } from './model-tables.ts';
import type { VirtualClock } from './virtual-clock.ts';

export interface AgentSurroundings {
  readonly cluster: ClusterName;
  readonly key: ClusterKey;
  /** What the EdgeGateway's status says of the generation. */
  readonly floor: Generation | null;
  readonly clock: VirtualClock;
  readonly random: () => number;
  readonly fetch: typeof fetch;
  /** Absent: it publishes straight to the edge. */
  readonly inbox?: InboxStore;
  readonly logger: Logger;
}

/** Longer than any single call may take (CALL_TIMEOUT_MS of the agent). */
const CALL_TIMEOUT_MS = 10_000;

export type Outcome = 'published' | 'unchanged' | 'evicted' | 'busy' | 'dead' | PublishFailure;

/** One agent of one cluster, from its start to its end, with what it remembers from one pass to the next. */
export class AgentProcess {
  readonly cluster: ClusterName;
  readonly kid: string;
  /** The generation that it published last, for the EdgeGateway's status. */
  published: Generation | null = null;
  readonly #life = new Life();
  readonly #publisher: Publisher;
  /** What the edge held when it was last known; absent: it must be read first. */
  #held: HeldTable | null | undefined;
  #busy = false;

  constructor(surroundings: AgentSurroundings) {
    this.cluster = surroundings.cluster;
    this.kid = surroundings.key.kid;
    this.#publisher = publisherOf(surroundings);
  }

  get dead(): boolean {
    return this.#life.ended;
  }

  /** Whether a pass is under way. */
  get busy(): boolean {
    return this.#busy && !this.dead;
  }

  kill(): void {
    this.#life.end();
  }

  /** The next pass begins with a look at the edge. */
  forget(): void {
    this.#held = undefined;
  }

  /** One pass: what is wanted is at the edge afterwards, or it says why not. */
  bring(table: ModelTable): Promise<Outcome> {
    return this.#pass(async (signal) => {
      // All tables of this model are of the version that everybody reads.
      const held = this.#held === undefined ? (await this.#publisher.read(signal)).held : this.#held;
      this.#held = held;
      const { cluster, blobs } = table;
      const planned = plan(held, {
        schemaVersion: SCHEMA_VERSION,
        edge: EDGE,
        cluster,
        clusterUid: uidOf(cluster),
        kid: this.kid,
        blobs,
      });
      if (planned.type === 'Unchanged') return 'unchanged';
      const published = await this.#publisher.publish(planned, signal);
      this.#held = published.held;
      this.published = published.held.pointer.generation;
      return 'published';
    });
  }

  evict(): Promise<Outcome> {
    return this.#pass(async (signal) => {
      await this.#publisher.evict(signal);
      this.#held = undefined;
      return 'evicted';
    });
  }

  async #pass(work: (signal: AbortSignal) => Promise<Outcome>): Promise<Outcome> {
    if (this.dead) return 'dead';
    if (this.#busy) return 'busy';
    this.#busy = true;
    try {
      return await within(this.#life, () => work(new AbortController().signal), 'the agent');
    } catch (error) {
      this.forget();
      if (!(error instanceof PublishFailure)) {
        if (this.dead) return 'dead';
        throw error;
      }
      // A process that was superseded ends.
      if (retryOf(error.fault) === 'never') this.kill();
      return error;
    } finally {
      this.#busy = false;
    }
  }
}

function publisherOf(surroundings: AgentSurroundings): Publisher {
  const { cluster, key, floor, random, fetch, inbox, logger } = surroundings;
  const clock: Clock = { ...systemClock, now: surroundings.clock.now };
  const identity = { signing: key.signing, verifying: key.verifying };
  const client = createEdgeClient({
    endpoint: EDGE,
    cluster,
    signingKey: key.signing,
    fetch,
    clock,
    timeoutMs: CALL_TIMEOUT_MS,
  });
  const retrying = createRetrying({ clock, random });
  const sealer = silentSealer;
  const conversation = new EdgeConversation({
    client,
    clusterUid: uidOf(cluster),
    identity,
    sealer,
    floor,
    retrying,
    logger,
  });
  const carrier = inbox
    ? createInboxCarrier({ store: inbox, client, cluster, retrying, clock })
    : createEdgeCarrier(client, retrying);
  return createTablePublisher({ conversation, carrier, identity, sealer, clock, logger });
}

/** The tables of the model are sealed already. */
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a class with private members has no other stand-in
const silentSealer = { learn: () => undefined, seal: async () => [] } as unknown as SecretSealer;
