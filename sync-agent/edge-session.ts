import type { Compilation } from './compile/compilation.ts';
import { plan, type HeldTable, type Plan, type TableBlobs } from './plan.ts';
import type { Published, Publisher } from './publish/publisher.ts';
import { replacedBuckets, tableDifference, type TableDifference } from './table-difference.ts';

export interface EdgeSessionOptions {
  readonly publisher: Publisher;
  /** Origin. */
  readonly endpoint: string;
  readonly cluster: string;
  readonly clusterUid: string;
}

/** A plan, and the whole table that it is about. */
export interface SessionPlan {
  readonly plan: Plan;
  readonly blobs: TableBlobs;
}

export interface SessionPublication extends Published {
  readonly replaced: HeldTable | null;
  /** From what was replaced. */
  readonly difference: TableDifference;
}

/** What is known of one edge from one pass to the next: what it holds, and the bytes of that. */
export class EdgeSession {
  readonly publisher: Publisher;
  readonly #options: EdgeSessionOptions;
  /** Absent: it must be read before anything is planned. */
  #held: HeldTable | null | undefined;
  #heldBytes: ReadonlyMap<string, Uint8Array> = new Map();

  constructor(options: EdgeSessionOptions) {
    this.#options = options;
    this.publisher = options.publisher;
  }

  /** The last that was known to be there. */
  get held(): HeldTable | null {
    return this.#held ?? null;
  }

  /** The next plan begins with a look at the edge: after a failure, and now and then because hubs may be wiped. */
  forget(): void {
    this.#held = undefined;
  }

  /** @throws {PublishFailure} */
  async plan({ sections, secrets }: Compilation, signal: AbortSignal): Promise<SessionPlan> {
    const held = this.#held === undefined ? await this.publisher.read(signal) : this.#held;
    this.#held = held;
    const blobs: TableBlobs = { ...sections, secrets: await this.publisher.seal(secrets) };
    const { endpoint: edge, cluster, clusterUid } = this.#options;
    return { plan: plan(held, { edge, cluster, clusterUid, kid: this.publisher.kid, blobs }), blobs };
  }

  /** @throws {PublishFailure} */
  async publish(
    publication: Extract<Plan, { type: 'Publish' }>,
    blobs: TableBlobs,
    signal: AbortSignal,
  ): Promise<SessionPublication> {
    const replaced = this.held;
    try {
      const difference = await this.#differenceTo(blobs, signal);
      const published = await this.publisher.publish(publication, signal);
      this.#held = published.held;
      this.#heldBytes = new Map(publication.blobs.map(({ sha256, bytes }) => [sha256, bytes]));
      return { ...published, replaced, difference };
    } catch (error) {
      this.forget();
      throw error;
    }
  }

  async #differenceTo(blobs: TableBlobs, signal: AbortSignal): Promise<TableDifference> {
    const held = this.#held?.pointer.sections;
    const known = this.#heldBytes;
    const unknown = held ? replacedBuckets(held, blobs).filter((hash) => !known.has(hash)) : [];
    // After a start only the edge knows what the table before said.
    const read = await this.publisher.readBlobs(unknown, signal);
    return tableDifference(held, (hash) => known.get(hash) ?? read.get(hash), blobs);
  }
}
