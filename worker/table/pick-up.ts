import { KNOWN_FEATURES } from '../../contract/features.ts';
import type { ServedRevisions } from '../../contract/publish-api.ts';
import { KNOWN_SCHEMA_VERSIONS } from '../../contract/schema-version.ts';
import type { TableCache } from './cached-table.ts';
import { ClusterPickup } from './cluster-pick-up.ts';
import { hubBlobs } from './hub-client.ts';
import type { HubClient, LivingSignal, PollAnswer } from './hub-protocol.ts';
import { joinTables } from './join-tables.ts';
import { kvBlobs } from './kv-blobs.ts';
import { PollClock } from './poll-clock.ts';
import type { ServedTable } from './served-table.ts';
import { SharedLoad } from './shared-load.ts';
import type { TableLog } from './table-log.ts';
import type { TableSettings } from './table-settings.ts';
import { TableUnavailable } from './table-unavailable.ts';
import { within } from './within.ts';

export interface PickupDependencies {
  readonly settings: TableSettings;
  readonly hub: Pick<HubClient, 'poll' | 'getBlobs'>;
  readonly kv: KVNamespace;
  /** Absent: an isolate that can ask neither hub nor KV starts without a table. */
  readonly cache?: TableCache;
  /** Is told what the hub says of inference services. */
  readonly signals: SignalTaker;
  readonly log: TableLog;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  /** Keeps the running request alive, whichever it is (`waitUntil` of cloudflare:workers). */
  readonly waitUntil: (promise: Promise<unknown>) => void;
  /** A random name for this isolate; called within a request. */
  readonly newId: () => string;
}

export interface SignalTaker {
  /** @param saidAt when the hub said it, in milliseconds since the epoch */
  take(cluster: string, signals: readonly LivingSignal[], saidAt: number): void;
}

/** How long the hub may take to answer a question, in milliseconds. */
const HUB_TIMEOUT_MS = 2_000;
const LOAD_DEADLINE_MS = 10_000;
const PATIENCE_MS = 3_000;

/**
 * The tables of one isolate: one object in module memory. In the steady state a request gets what is held, and at most
 * starts a question to the hub that ends after it; only a cold isolate, or one back from idleness, makes it wait. One
 * question is for all clusters; what becomes of the answer is each cluster's own affair (cluster-pick-up.ts).
 */
export class TablePickup {
  readonly #use: PickupDependencies;
  readonly #clusters: readonly ClusterPickup[];
  readonly #clock: PollClock;
  readonly #question: SharedLoad<ServedTable>;
  #id: string | undefined;
  /** What is served of all clusters together. */
  #joined: ServedTable | undefined;
  /** The latest key that waits for the first table, by its SHA-256. */
  #firstKey: string | undefined;
  #asked = 0;
  /** The latest question that was answered: what answers an earlier one is old. */
  #heard = 0;
  #isReporting = false;

  constructor(dependencies: PickupDependencies) {
    this.#use = dependencies;
    const { settings, hub, kv, cache, log, now, sleep } = dependencies;
    this.#clock = new PollClock(now);
    this.#question = this.#share({
      read: () => (this.#clock.stale() ? undefined : this.#joined),
      load: () => this.#ask(),
    });
    const common = {
      edge: settings.edge,
      kv,
      cache,
      sources: { hub: hubBlobs(hub), kv: kvBlobs(kv), log },
      log,
      now,
      turn: () => sleep(0),
      share: (load: { read: () => true | undefined; load: () => Promise<unknown> }) => this.#share(load),
      changed: (isForHub: boolean) => this.#changed(isForHub),
      askAgain: () => this.#question.start(),
    };
    this.#clusters = settings.clusters.map((trusted) => new ClusterPickup({ ...common, trusted }));
  }

  /**
   * The table to serve a request by; keep it for the whole request.
   *
   * @param firstKey gives the SHA-256 of the request's key: the consumer comes along with the first table
   * @throws {TableUnavailable} while no table can be had
   */
  table(firstKey?: () => Promise<string> | undefined): ServedTable | Promise<ServedTable> {
    const joined = this.#joined;
    if (!joined) return this.#firstTable(firstKey);
    if (!this.#clock.due()) return joined;
    if (this.#clock.stale()) return this.#confirmedTable(joined);
    this.#question.start();
    return joined;
  }

  current(): ServedTable | undefined {
    return this.#joined;
  }

  /** Asks the hub now, and picks up what is new. Does not throw: what is held stays. */
  async refresh(): Promise<void> {
    await within(LOAD_DEADLINE_MS, this.#ask()).catch((error: unknown) =>
      this.#warn('no table could be loaded', error),
    );
  }

  /** What this isolate serves of each cluster, for people and probes. */
  served(): ServedRevisions {
    const isAnswered = !this.#clock.unanswered();
    return { clusters: this.#clusters.map((cluster) => cluster.served(isAnswered)) };
  }

  async #firstTable(firstKey: (() => Promise<string> | undefined) | undefined): Promise<ServedTable> {
    try {
      const key = await firstKey?.();
      if (key !== undefined) this.#firstKey = key;
      return await this.#question.value();
    } catch (error) {
      const joined = this.#joined;
      if (joined) return joined;
      throw new TableUnavailable('no-table', 'this edge has no routing table yet: try again', { cause: error });
    }
  }

  /** Back from idleness: the hub first. If it does not answer, what is held was good and is served. */
  async #confirmedTable(held: ServedTable): Promise<ServedTable> {
    await within(PATIENCE_MS, this.#question.value()).catch(() => undefined);
    return this.#joined ?? held;
  }

  /** One question to the hub, and what follows from the answer. @throws where there is no table to serve afterwards */
  async #ask(): Promise<void> {
    const { now, signals } = this.#use;
    const askedAt = now();
    const question = ++this.#asked;
    let answer: PollAnswer | undefined;
    try {
      answer = await within(HUB_TIMEOUT_MS, this.#poll());
    } catch (error) {
      this.#clock.failed();
      this.#warn('the hub cannot be asked', error);
    }
    const isLatest = question > this.#heard;
    if (answer && isLatest) {
      this.#heard = question;
      for (const [cluster, news] of Object.entries(answer.clusters)) signals.take(cluster, news.signals, askedAt);
    }
    await this.#pickUp(isLatest ? answer?.clusters : undefined);
    if (answer) this.#clock.answered(askedAt, answer);
    this.#join();
    if (!this.#joined) throw new Error('no table could be loaded');
    this.#firstKey = undefined;
  }

  /** All clusters at once. One that takes long keeps no other from being served. */
  async #pickUp(news: PollAnswer['clusters'] = {}): Promise<void> {
    const all = Promise.all(this.#clusters.map((cluster) => cluster.pickUp(news[cluster.name], this.#firstKey)));
    if (this.#clusters.length > 1) {
      this.#use.waitUntil(all.then(() => this.#join()));
      await within(PATIENCE_MS, all).catch(() => undefined);
      if (this.#clusters.some(({ table }) => table)) return;
    }
    await all;
  }

  #poll(): Promise<PollAnswer> {
    this.#id ??= this.#use.newId();
    return this.#use.hub.poll({
      isolate: this.#id,
      knownSchemaVersions: KNOWN_SCHEMA_VERSIONS,
      knownFeatures: KNOWN_FEATURES,
      clusters: Object.fromEntries(this.#clusters.map((cluster) => [cluster.name, cluster.report()])),
    });
  }

  /** The first table is joined when all clusters have had their time: a request for one is not to meet another's alone. */
  #changed(isForHub: boolean): void {
    if (this.#joined) this.#join();
    if (!isForHub || this.#isReporting) return;
    this.#isReporting = true;
    this.#use.waitUntil(this.#report());
  }

  /** The only place where what requests meet changes, and it changes at once. */
  #join(): void {
    const [first, ...others] = this.#clusters.flatMap(({ table }) => table ?? []);
    const tables = first && ([first, ...others] as const);
    const unavailable = this.#clusters.filter(({ isUnavailable }) => isUnavailable).map(({ name }) => name);
    const joined = this.#joined;
    if (joined && tables && sameList(joined.clusters, tables) && sameList(joined.unavailable, unavailable)) return;
    this.#joined = tables && joinTables(tables, unavailable);
  }

  /** Tells the hub at once what is served, or was refused, and leaves the tables to isolates that are born here. */
  async #report(): Promise<void> {
    // Several clusters' changes are one report.
    await this.#use.sleep(0);
    this.#isReporting = false;
    await within(HUB_TIMEOUT_MS, this.#poll()).catch((error: unknown) => this.#warn('the hub cannot be told', error));
    await Promise.all(this.#clusters.map((cluster) => cluster.leaveInCache()));
  }

  #share<T>({ read, load }: { read: () => T | undefined; load: () => Promise<unknown> }): SharedLoad<T> {
    const { now, sleep, waitUntil } = this.#use;
    return new SharedLoad({ read, load, deadlineMs: LOAD_DEADLINE_MS, patienceMs: PATIENCE_MS, now, sleep, waitUntil });
  }

  #warn(message: string, error: unknown): void {
    this.#use.log('warn', message, { error: String(error) });
  }
}

function sameList<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((item, i) => item === b[i]);
}
