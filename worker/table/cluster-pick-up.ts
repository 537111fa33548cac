import type { ServedRevision } from '../../contract/publish-api.ts';
import { compareGenerations, generationName, revisionOf } from '../../contract/revision.ts';
import type { Generation } from '../../contract/routing-table.ts';
import { pointerKey } from '../../contract/storage-keys.ts';
import { cacheTable, forgetCachedTable, readCachedTable, type TableCache } from './cached-table.ts';
import { fetchBlobs, type Blobs, type BlobSources, type WantedBlob } from './fetch-blobs.ts';
import type { ClusterNews, ClusterReport } from './hub-protocol.ts';
import { loadRevision, type LoadedRevision, type Offer } from './load-revision.ts';
import { missingBlob, openTable } from './open-table.ts';
import type { ClusterTable } from './served-table.ts';
import type { SectionBuckets } from './section-bucket.ts';
import type { SharedLoad } from './shared-load.ts';
import type { TableLog } from './table-log.ts';
import type { TrustedCluster } from './table-settings.ts';
import { within } from './within.ts';

export interface ClusterPickupUse {
  readonly edge: string;
  readonly trusted: TrustedCluster;
  readonly kv: KVNamespace;
  readonly cache: TableCache | undefined;
  readonly sources: BlobSources;
  readonly log: TableLog;
  readonly now: () => number;
  /** Lets the event loop turn. */
  readonly turn: () => Promise<void>;
  readonly share: (load: { read: () => true | undefined; load: () => Promise<unknown> }) => SharedLoad<true>;
  /** Called when another table is served, or none any more, and where there is something to tell the hub. */
  readonly changed: (isForHub: boolean) => void;
  /** Has the hub asked in the background. */
  readonly askAgain: () => void;
}

/** How long a refused revision is left alone before it is tried again: a missing or spoilt blob may be mended. */
const REFUSAL_MS = 10_000;

/** How often the table is left to the Cache API at most, in milliseconds. */
const CACHE_EVERY_MS = 60_000;

/** How long KV may take to show a pointer, in milliseconds. */
const KV_TIMEOUT_MS = 2_000;

/** How often KV and cache are asked at most for a table that the hub knows nothing of, in milliseconds. */
const LOOK_EVERY_MS = 10_000;

type Place = 'hub' | 'kv' | 'cache';

interface Held extends LoadedRevision {
  readonly table: ClusterTable;
}

interface Refusal {
  readonly revision: string;
  readonly reason: string;
  readonly from: Place;
  /** Milliseconds since the epoch. */
  readonly until: number;
}

/** The table of one cluster in one isolate: what is held, what the hub last said of it, and what was refused. */
export class ClusterPickup {
  readonly name: string;
  readonly #use: ClusterPickupUse;
  /** By the buckets that they fill: another revision's load would leave those of this one empty. */
  readonly #consumerLoads = new WeakMap<SectionBuckets, Map<string, SharedLoad<true>>>();
  #held: Held | undefined;
  /** What the hub said when it was last asked with success. */
  #news: ClusterNews | undefined;
  #recent: ReadonlySet<string> = new Set();
  #refused: Refusal | undefined;
  #evictedUpTo: Generation | null = null;
  #isAbsent = false;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #cachedAt = Number.NEGATIVE_INFINITY;

  constructor(use: ClusterPickupUse) {
    this.#use = use;
    this.name = use.trusted.trust.name;
  }

  get table(): ClusterTable | undefined {
    return this.#held?.table;
  }

  /** Whether a table may have been published that cannot be had here at the moment. */
  get isUnavailable(): boolean {
    return !this.#held && !this.#isAbsent;
  }

  report(): ClusterReport {
    const { revision, pointer } = this.#held ?? {};
    const refused = this.#refused;
    return {
      serving: revision === undefined || !pointer ? null : { revision, generation: pointer.generation },
      ...(refused?.from === 'hub' && { refused: { revision: refused.revision, reason: refused.reason } }),
    };
  }

  /** @param isAnswered whether the hub answered the latest question */
  served(isAnswered: boolean): ServedRevision {
    const held = this.#held;
    return {
      cluster: this.name,
      revision: held?.revision ?? null,
      generation: held?.pointer.generation ?? null,
      confirmed: held !== undefined && isAnswered && this.#news?.revision === held.revision,
    };
  }

  /**
   * Serves what is newest, if that can be had and proves good. Does not throw: what is held stays.
   *
   * @param news what the hub says; undefined where it cannot be asked
   * @param firstKey the SHA-256 of the key of the request that waits for this, if one does
   */
  async pickUp(news: ClusterNews | undefined, firstKey: string | undefined): Promise<void> {
    if (news) {
      this.#news = news;
      // A hub that was wiped has forgotten it.
      if (news.evicted) this.#evictedUpTo = news.floor;
      else if (news.revision !== null) this.#evictedUpTo = null;
      this.#recent = new Set(news.recent);
      if (news.evicted) await this.#drop(news.floor);
      if (news.revision !== null) this.#isAbsent = false;
      if (news.revision !== null && news.jws !== undefined)
        await this.#consider({ revision: news.revision, jws: news.jws }, 'hub', firstKey, (wanted) =>
          this.#fetch(wanted),
        );
    }
    if (this.#held) return;
    if (news?.evicted) this.#isAbsent = true;
    else await this.#startWithoutHub(news, firstKey);
  }

  /** Leaves the table to isolates that are born here while neither hub nor KV can be asked. */
  async leaveInCache(): Promise<void> {
    const { cache, edge, now } = this.#use;
    const held = this.#held;
    if (!cache || !held || now() - this.#cachedAt < CACHE_EVERY_MS) return;
    this.#cachedAt = now();
    await cacheTable(cache, edge, held).catch((error: unknown) => this.#warn('the table cannot be cached', error));
  }

  async #drop(floor: Generation | null): Promise<void> {
    const held = this.#held;
    if (!held || (floor && compareGenerations(held.pointer.generation, floor) > 0)) return;
    const { cache, edge, log } = this.#use;
    this.#held = undefined;
    log('info', 'the cluster was evicted: its table is served no more', {
      cluster: this.name,
      revision: held.revision,
    });
    this.#use.changed(true);
    if (cache)
      await forgetCachedTable(cache, edge, this.name).catch((error: unknown) =>
        this.#warn('the cached table cannot be deleted', error),
      );
  }

  async #startWithoutHub(news: ClusterNews | undefined, firstKey: string | undefined): Promise<void> {
    const { now } = this.#use;
    if (this.#isAbsent && now() - this.#lookedAt < LOOK_EVERY_MS) return;
    const isInKv = await this.#startFromKv(firstKey);
    const isCached = !this.#held && (await this.#startFromCache(firstKey));
    // A hub that knows a generation has lost a table, or its parts: then somebody has published.
    if (!news || news.revision !== null || news.floor) return;
    this.#isAbsent = !isInKv && !isCached;
    this.#lookedAt = now();
  }

  /** @returns false where KV says that there is nothing */
  async #startFromKv(firstKey: string | undefined): Promise<boolean> {
    try {
      const jws = await within(KV_TIMEOUT_MS, this.#use.kv.get(pointerKey(this.name), 'text'));
      if (jws === null) return false;
      const offer = { revision: await revisionOf(jws), jws };
      await this.#consider(offer, 'kv', firstKey, (wanted) => this.#fetch(wanted));
    } catch (error) {
      this.#warn('KV cannot be read', error);
    }
    return true;
  }

  /** @returns false where there is nothing */
  async #startFromCache(firstKey: string | undefined): Promise<boolean> {
    const { cache, edge } = this.#use;
    if (!cache) return false;
    try {
      const cached = await readCachedTable(cache, edge, this.name);
      if (!cached) return false;
      await this.#consider(cached.offer, 'cache', firstKey, async () => cached.blobs);
    } catch (error) {
      this.#warn('the cached table cannot be read', error);
    }
    return true;
  }

  /** Serves an offered revision from now on, if it proves good; else keeps what is held, and remembers why. */
  async #consider(
    offer: Offer,
    from: Place,
    firstKey: string | undefined,
    fetch: (wanted: readonly WantedBlob[]) => Promise<Blobs>,
  ): Promise<void> {
    const { edge, trusted, now, log, turn } = this.#use;
    const refused = this.#refused;
    // What could not be had without the hub may well be had with it.
    const isSame = refused?.revision === offer.revision && (from !== 'hub' || refused.from === 'hub');
    if (isSame && now() < refused.until) return;
    const objection = (generation: Generation): string | undefined => this.#objection(generation, from);
    const context = { edge, cluster: this.name, findKey: trusted.findKey, held: this.#held };
    try {
      const loaded = await loadRevision(offer, { ...context, objection, firstKey, fetch, turn });
      // Meanwhile another load may have been faster, or the cluster evicted.
      if (objection(loaded.pointer.generation) !== undefined) return;
      this.#swap(loaded);
      log('info', 'serving a new table', { cluster: this.name, revision: loaded.revision, from });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#refused = { revision: offer.revision, reason, from, until: now() + REFUSAL_MS };
      log('warn', 'a table was refused', { cluster: this.name, revision: offer.revision, from, reason });
    }
    this.#use.changed(from === 'hub');
  }

  /** Why a generation must not be served now: nothing goes back to what was replaced or evicted. */
  #objection(generation: Generation, from: Place): string | undefined {
    const name = generationName(generation);
    const held = this.#held?.pointer.generation;
    if (held && compareGenerations(generation, held) <= 0)
      return `its generation ${name} is not newer than ${generationName(held)}`;
    if (this.#evictedUpTo && compareGenerations(generation, this.#evictedUpTo) <= 0)
      return `its generation ${name} was evicted`;
    const floor = this.#news?.floor;
    // Whoever can write to KV can put an old pointer back there.
    if (floor && from !== 'hub' && compareGenerations(generation, floor) < 0)
      return `its generation ${name} is older than ${generationName(floor)}, the hub's`;
    return undefined;
  }

  /** The only place where another table is served, and that happens at once. */
  #swap(loaded: LoadedRevision): void {
    const { revision, pointer, buckets } = loaded;
    const table = openTable({
      cluster: this.name,
      revision,
      generation: pointer.generation,
      sections: pointer.sections,
      buckets,
      loadConsumers: (sha256) => this.#loadConsumers(loaded, sha256),
    });
    this.#held = { ...loaded, table };
    this.#refused = undefined;
    this.#isAbsent = false;
  }

  /** A bucket of consumers on first sight: once for all requests that want it. */
  async #loadConsumers({ buckets }: LoadedRevision, sha256: string): Promise<void> {
    const read = (): true | undefined => (buckets.json('consumers', sha256) ? true : undefined);
    const load = async (): Promise<void> => {
      const bytes = (await this.#fetch([{ kind: 'consumers', sha256 }])).get(sha256);
      if (bytes) buckets.put('consumers', sha256, bytes);
    };
    const loads = this.#consumerLoads.get(buckets) ?? new Map<string, SharedLoad<true>>();
    this.#consumerLoads.set(buckets, loads);
    const shared = loads.get(sha256) ?? this.#use.share({ read, load });
    loads.set(sha256, shared);
    try {
      await shared.value();
    } catch {
      // Perhaps the table that names it is too old for anyone to keep its parts.
      this.#use.askAgain();
      throw missingBlob(sha256);
    } finally {
      loads.delete(sha256);
    }
  }

  #fetch(wanted: readonly WantedBlob[]): Promise<Blobs> {
    return fetchBlobs(wanted, this.#recent, this.#use.sources);
  }

  #warn(message: string, error: unknown): void {
    this.#use.log('warn', message, { cluster: this.name, error: String(error) });
  }
}
