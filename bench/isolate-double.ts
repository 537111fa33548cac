import { blobKey } from '../contract/storage-keys.ts';
import type { PickupDependencies } from '../worker/table/pick-up.ts';
import { TablePickup } from '../worker/table/pick-up.ts';
import type { PollQuestion } from '../worker/table/hub-protocol.ts';
import { readTableSettings, type TableVariables } from '../worker/table/table-settings.ts';
import { clusterName } from './large-edge.ts';
import type { Revision } from './large-revision.ts';

/** Calls to storage, and what they brought. */
export type StorageUse = {
  calls: number;
  /** Calls under way at the same time count once. */
  roundTrips: number;
  /** Bytes of answers, as JSON or as they are. */
  bytes: number;
};

/**
 * The worker's own pick-up code, in this process, on a hub and KV in memory that answer after a turn of the event loop
 * and count what they are asked.
 */
export class IsolateDouble {
  readonly pickup: TablePickup;
  readonly #blobs = new Map<string, Uint8Array<ArrayBuffer>>();
  readonly #background: Promise<unknown>[] = [];
  #published: Revision | undefined;
  #use: StorageUse = { calls: 0, roundTrips: 0, bytes: 0 };
  #underWay = 0;

  private constructor(settings: PickupDependencies['settings'], published: Revision) {
    this.publish(published);
    this.pickup = new TablePickup({
      settings,
      hub: { poll: (question) => this.#poll(question), getBlobs: (hashes) => this.#getBlobs(hashes) },
      kv: this.#kv(),
      signals: { take: () => undefined },
      log: () => undefined,
      now: Date.now,
      sleep: (ms) => new Promise((wake) => setTimeout(wake, ms)),
      waitUntil: (promise) => this.#background.push(promise),
      newId: () => 'isolate',
    });
  }

  static async start(variables: TableVariables, published: Revision): Promise<IsolateDouble> {
    return new IsolateDouble(await readTableSettings(variables), published);
  }

  /** What the hub and KV hold from now on. */
  publish(revision: Revision): void {
    this.#published = revision;
    for (const { sha256, bytes } of Object.values(revision.blobs).flat()) this.#blobs.set(sha256, bytes);
  }

  /** Everything that was begun in the background has ended. */
  async settled(): Promise<void> {
    while (this.#background.length > 0) await Promise.allSettled(this.#background.splice(0));
  }

  /** What was asked since the last call of this. */
  take(): StorageUse {
    const use = this.#use;
    this.#use = { calls: 0, roundTrips: 0, bytes: 0 };
    return use;
  }

  #poll(question: PollQuestion) {
    const { revision, jws, pointer } = this.#published ?? {};
    if (revision === undefined || jws === undefined || !pointer) throw new Error('nothing is published');
    const serving = question.clusters[clusterName]?.serving?.revision;
    const news = { revision, recent: [], floor: pointer.generation, evicted: false, signals: [] };
    const answer = {
      clusters: { [clusterName]: serving === revision ? news : { ...news, jws } },
      nextPollMs: 500,
      staleAfterMs: 1000,
    };
    return this.#answered(answer, JSON.stringify(answer).length);
  }

  async #getBlobs(hashes: readonly string[]) {
    const found = hashes.flatMap((sha256) => {
      const bytes = this.#blobs.get(sha256);
      return bytes ? [{ sha256, bytes }] : [];
    });
    return this.#answered(
      found,
      found.reduce((sum, { bytes }) => sum + bytes.length, 0),
    );
  }

  /** As much of KV as isolates use, which read canonical JSON in bulk as text and key indexes one by one. */
  #kv(): PickupDependencies['kv'] {
    const byKey = (key: string) => this.#blobs.get(key.slice(blobKey('').length));
    const get = (keys: string | readonly string[]) => {
      if (typeof keys === 'string')
        return this.#answered(byKey(keys)?.slice().buffer ?? null, byKey(keys)?.length ?? 0);
      const texts = new Map(keys.map((key) => [key, new TextDecoder().decode(byKey(key))]));
      return this.#answered(texts, [...texts.values()].join('').length);
    };
    return { get };
  }

  async #answered<T>(answer: T, bytes: number): Promise<T> {
    if (this.#underWay === 0) this.#use.roundTrips += 1;
    this.#underWay += 1;
    this.#use.calls += 1;
    this.#use.bytes += bytes;
    await new Promise((turn) => setImmediate(turn));
    this.#underWay -= 1;
    return answer;
  }
}
