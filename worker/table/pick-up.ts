import type { ServedRevision } from '../../contract/publish-api.ts';
import { compareGenerations, revisionOf } from '../../contract/revision.ts';
import { SCHEMA_VERSION } from '../../contract/routing-table.ts';
import { pointerKey } from '../../contract/storage-keys.ts';
import { cacheTable, readCachedTable } from './cached-table.ts';
import { fetchBlobs, type Blobs, type BlobSources, type WantedBlob } from './fetch-blobs.ts';
import { hubBlobs } from './hub-client.ts';
import type { HubClient, PollAnswer } from './hub-protocol.ts';
import { kvBlobs } from './kv-blobs.ts';
import { loadRevision, type LoadedRevision, type Offer } from './load-revision.ts';
import { missingBlob, openTable } from './open-table.ts';
import { PollClock } from './poll-clock.ts';
import type { ServedTable } from './served-table.ts';
import { SharedLoad } from './shared-load.ts';
import type { TableLog } from './table-log.ts';
import type { TableSettings } from './table-settings.ts';
import { TableUnavailable } from './table-unavailable.ts';
import { within } from './within.ts';

export interface PickupDependencies {
  readonly settings: TableSettings;
  readonly hub: HubClient;
  readonly kv: KVNamespace;
  /** Absent: an isolate that can ask neither hub nor KV starts without a table. */
  readonly cache?: Pick<Cache, 'put' | 'match'>;
  readonly log: TableLog;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  /** Keeps the running request alive, whichever it is (`waitUntil` of cloudflare:workers). */
  readonly waitUntil: (promise: Promise<unknown>) => void;
  /** A random name for this isolate; called within a request. */
  readonly newId: () => string;
}

/** How long the hub may take to answer a question, in milliseconds. */
const HUB_TIMEOUT_MS = 2_000;
const LOAD_DEADLINE_MS = 10_000;
const PATIENCE_MS = 3_000;

/** How long a refused revision is left alone before it is tried again: a missing or spoilt blob may be mended. */
const REFUSAL_MS = 10_000;

/** How often the table is left to the Cache API at most, in milliseconds. */
const CACHE_EVERY_MS = 60_000;

interface Held extends LoadedRevision {
  readonly table: ServedTable;
}

/**
 * The table of one isolate: one object in module memory. In the steady state a request gets what is held, and at most
 * starts a question to the hub that ends after it; only a cold isolate, or one back from idleness, makes it wait.
 */
export class TablePickup {
  readonly #use: PickupDependencies;
  readonly #sources: BlobSources;
  readonly #clock: PollClock;
  readonly #question: SharedLoad<ServedTable>;
  readonly #consumerLoads = new Map<string, SharedLoad<true>>();
  #id: string | undefined;
  #held: Held | undefined;
  /** What the hub said was newest when it was last asked with success; null: it holds nothing. */
  #newest: string | null | undefined;
  #recent: ReadonlySet<string> = new Set();
  #refused: { readonly revision: string; readonly reason: string; readonly until: number } | undefined;
  #cachedAt = Number.NEGATIVE_INFINITY;

  constructor(dependencies: PickupDependencies) {
    this.#use = dependencies;
    const { hub, kv, log, now } = dependencies;
    this.#sources = { hub: hubBlobs(hub), kv: kvBlobs(kv), log };
    this.#clock = new PollClock(now);
    this.#question = this.#share({
      read: () => (this.#clock.stale() ? undefined : this.#held?.table),
      load: () => this.#ask(),
    });
  }

  /**
   * The table to serve a request by; keep it for the whole request.
   *
   * @throws {TableUnavailable} while no table can be had
   */
  table(): ServedTable | Promise<ServedTable> {
    const held = this.#held;
    if (!held) return this.#firstTable();
    if (!this.#clock.due()) return held.table;
    if (this.#clock.stale()) return this.#confirmedTable(held);
    this.#question.start();
    return held.table;
  }

  current(): ServedTable | undefined {
    return this.#held?.table;
  }

  /** Asks the hub now, and picks up what is new. Does not throw: what is held stays. */
  async refresh(): Promise<void> {
    await within(LOAD_DEADLINE_MS, this.#ask()).catch((error: unknown) =>
      this.#warn('no table could be loaded', error),
    );
  }

  /** What this isolate serves, for people and probes. */
  served(): ServedRevision {
    const held = this.#held;
    return {
      revision: held?.revision ?? null,
      generation: held?.pointer.generation ?? null,
      confirmed: held !== undefined && !this.#clock.unanswered() && this.#newest === held.revision,
    };
  }

  async #firstTable(): Promise<ServedTable> {
    try {
      return await this.#question.value();
    } catch (error) {
      const held = this.#held;
      if (held) return held.table;
      throw new TableUnavailable('no-table', 'this edge has no routing table yet: try again', { cause: error });
    }
  }

  /** Back from idleness: the hub first. If it does not answer, what is held was good and is served. */
  async #confirmedTable(held: Held): Promise<ServedTable> {
    await within(PATIENCE_MS, this.#question.value()).catch(() => undefined);
    return (this.#held ?? held).table;
  }

  /** One question to the hub, and what follows from the answer. @throws where there is no table to serve afterwards */
  async #ask(): Promise<void> {
    const askedAt = this.#use.now();
    let answer: PollAnswer | undefined;
    try {
      answer = await within(HUB_TIMEOUT_MS, this.#poll());
    } catch (error) {
      this.#clock.failed();
      this.#warn('the hub cannot be asked', error);
    }
    if (answer) {
      this.#newest = answer.revision;
      this.#recent = new Set(answer.recent);
      if (answer.revision !== null && answer.jws !== undefined)
        await this.#consider({ revision: answer.revision, jws: answer.jws }, 'hub', (wanted) => this.#fetch(wanted));
      this.#clock.answered(askedAt, answer);
    }
    if (!this.#held) await this.#startWithoutHub();
    if (!this.#held) throw new Error('no table could be loaded');
  }

  #poll(): Promise<PollAnswer> {
    this.#id ??= this.#use.newId();
    const refused = this.#refused;
    return this.#use.hub.poll(this.#clusterName(), {
      isolate: this.#id,
      knownSchemaVersions: [SCHEMA_VERSION],
      serving: this.#held?.revision ?? null,
      ...(refused && { refused: { revision: refused.revision, reason: refused.reason } }),
    });
  }

  async #startWithoutHub(): Promise<void> {
    const { kv, cache, settings } = this.#use;
    try {
      const jws = await kv.get(pointerKey(this.#clusterName()), 'text');
      if (jws !== null)
        await this.#consider({ revision: await revisionOf(jws), jws }, 'kv', (wanted) => this.#fetch(wanted));
    } catch (error) {
      this.#warn('KV cannot be read', error);
    }
    if (this.#held || !cache) return;
    try {
      const cached = await readCachedTable(cache, settings.edge, this.#clusterName());
      if (cached) await this.#consider(cached.offer, 'cache', async () => cached.blobs);
    } catch (error) {
      this.#warn('the cached table cannot be read', error);
    }
  }

  /** Serves an offered revision from now on, if it proves good; else keeps what is held, and remembers why. */
  async #consider(
    offer: Offer,
    from: 'hub' | 'kv' | 'cache',
    fetch: (wanted: readonly WantedBlob[]) => Promise<Blobs>,
  ) {
    const { settings, now, log, waitUntil } = this.#use;
    const refused = this.#refused;
    if (refused?.revision === offer.revision && now() < refused.until) return;
    const context = {
      edge: settings.edge,
      cluster: this.#clusterName(),
      findKey: settings.cluster.findKey,
      held: this.#held,
      fetch,
    };
    try {
      const loaded = await loadRevision(offer, context);
      if (!this.#swap(loaded)) return;
      log('info', 'serving a new table', { revision: loaded.revision, from });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#refused = { revision: offer.revision, reason, until: now() + REFUSAL_MS };
      log('warn', 'a table was refused', { revision: offer.revision, from, reason });
    }
    if (from === 'hub') waitUntil(this.#report());
  }

  /** The only place where what is served changes, and it changes at once. Another load may have been faster. */
  #swap(loaded: LoadedRevision): boolean {
    const before = this.#held;
    if (before && compareGenerations(loaded.pointer.generation, before.pointer.generation) <= 0) return false;
    const { revision, pointer, buckets } = loaded;
    const table = openTable({
      revision,
      generation: pointer.generation,
      sections: pointer.sections,
      buckets,
      loadConsumers: (sha256) => this.#loadConsumers(loaded, sha256),
    });
    this.#held = { ...loaded, table };
    this.#refused = undefined;
    return true;
  }

  /** Tells the hub at once what is served, or was refused, and leaves the table to isolates that are born here. */
  async #report(): Promise<void> {
    const { cache, settings, now } = this.#use;
    await within(HUB_TIMEOUT_MS, this.#poll()).catch((error: unknown) => this.#warn('the hub cannot be told', error));
    const held = this.#held;
    if (!cache || !held || now() - this.#cachedAt < CACHE_EVERY_MS) return;
    this.#cachedAt = now();
    await cacheTable(cache, settings.edge, held).catch((error: unknown) =>
      this.#warn('the table cannot be cached', error),
    );
  }

  /** A bucket of consumers on first sight: once for all requests that want it. */
  async #loadConsumers({ buckets }: LoadedRevision, sha256: string): Promise<void> {
    const found = (): true | undefined => (buckets.json('consumers', sha256) ? true : undefined);
    const load = async (): Promise<void> => {
      const bytes = (await this.#fetch([{ kind: 'consumers', sha256 }])).get(sha256);
      if (bytes) buckets.put('consumers', sha256, bytes);
    };
    const shared = this.#consumerLoads.get(sha256) ?? this.#share({ read: found, load });
    this.#consumerLoads.set(sha256, shared);
    try {
      await shared.value();
    } catch {
      // Perhaps the table that names it is too old for anyone to keep its parts.
      this.#question.start();
      throw missingBlob(sha256);
    } finally {
      this.#consumerLoads.delete(sha256);
    }
  }

  #fetch(wanted: readonly WantedBlob[]): Promise<Blobs> {
    return fetchBlobs(wanted, this.#recent, this.#sources);
  }

  #share<T>({ read, load }: { read: () => T | undefined; load: () => Promise<unknown> }): SharedLoad<T> {
    const { now, sleep, waitUntil } = this.#use;
    return new SharedLoad({ read, load, deadlineMs: LOAD_DEADLINE_MS, patienceMs: PATIENCE_MS, now, sleep, waitUntil });
  }

  #clusterName(): string {
    return this.#use.settings.cluster.trust.name;
  }

  #warn(message: string, error: unknown): void {
    this.#use.log('warn', message, { error: String(error) });
  }
}
