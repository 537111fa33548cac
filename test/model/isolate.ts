import { Hono } from 'hono';
import { generationName, sameGeneration } from '../../contract/revision.ts';
import type { Generation } from '../../contract/routing-table.ts';
import { publishRoutes } from '../../worker/routes/publish.ts';
import { revisionRoute } from '../../worker/routes/revision.ts';
import type { HubClient, PollAnswer } from '../../worker/table/hub-protocol.ts';
import { TablePickup } from '../../worker/table/pick-up.ts';
import type { ServedTable } from '../../worker/table/served-table.ts';
import type { TableLog } from '../../worker/table/table-log.ts';
import type { TableSettings } from '../../worker/table/table-settings.ts';
import { isAbove, type Broken } from './broken-law.ts';
import type { Life } from './life.ts';
import type { Place } from './place.ts';
import { waitUntil, WorkerRequest } from './worker-request.ts';
import type { VirtualClock } from './virtual-clock.ts';

export interface IsolateSurroundings {
  readonly name: string;
  /** The location where it runs. */
  readonly place: Place;
  readonly settings: TableSettings;
  readonly clock: VirtualClock;
  readonly hub: (told: (answer: PollAnswer, askedAt: number) => void) => HubClient;
  readonly kv: KVNamespace;
  readonly cache: Pick<Cache, 'put' | 'match' | 'delete'>;
  readonly log: TableLog;
  readonly broken: Broken;
}

interface Serving {
  readonly revision: string;
  readonly generation: Generation;
}

/** How long an isolate waits for an answer of the hub (HUB_TIMEOUT_MS): what comes later was not heard. */
const HEARD_WITHIN_MS = 2_000;

/** One isolate of the worker: its memory, its requests, and the laws that it has to keep from one moment to the next. */
export class Isolate {
  readonly name: string;
  readonly place: Place;
  readonly settings: TableSettings;
  readonly pickup: TablePickup;
  dead = false;
  /** When it last heard from the hub; milliseconds since the epoch. */
  heardAt = Number.NEGATIVE_INFINITY;
  readonly #clock: VirtualClock;
  readonly #broken: Broken;
  readonly #app: Hono;
  readonly #requests = new Set<Life>();
  readonly #serving = new Map<string, Serving>();
  readonly #floors = new Map<string, Generation>();
  /** Revisions that the hub called the newest. */
  readonly #offered = new Set<string>();
  readonly #evicted = new Map<string, Generation | null>();

  constructor(surroundings: IsolateSurroundings) {
    const { name, place, settings, clock, kv, cache, log, broken } = surroundings;
    this.name = name;
    this.place = place;
    this.settings = settings;
    this.#clock = clock;
    this.#broken = broken;
    const hub = surroundings.hub((answer, askedAt) => this.#told(answer, askedAt));
    this.pickup = new TablePickup({
      settings,
      hub,
      kv,
      cache,
      signals: { take: () => undefined },
      log,
      now: clock.now,
      sleep: (ms) => new Promise((wake) => void setTimeout(wake, ms)),
      waitUntil,
      newId: () => name,
    });
    const dependencies = { settings, now: clock.now, hub, log, pickup: this.pickup };
    this.#app = new Hono().route('/', publishRoutes(dependencies)).route('/', revisionRoute(dependencies));
  }

  /** One request with a key of this SHA-256: what `decide` does with the table. Rejects where it is lost, or the table cannot be had. */
  request<T>(digest: string, decide: (table: ServedTable) => T | Promise<T>, leaveAfterMs?: number): Promise<T> {
    return this.#handle(async () => decide(await this.pickup.table(async () => digest)), leaveAfterMs);
  }

  /** A request to the endpoints for agents. */
  fetch(request: Request): Promise<Response> {
    return this.#handle(async () => this.#app.fetch(request));
  }

  /** The runtime needs the memory. */
  kill(): void {
    this.dead = true;
    for (const request of this.#requests) request.end();
  }

  /** What it serves now of a cluster. */
  serves(cluster: string): Serving | undefined {
    return this.pickup.current()?.clusters.find((table) => table.cluster === cluster);
  }

  /** Looks whether what it serves has changed, and whether it could. */
  check(): void {
    if (this.dead) return;
    for (const { trust } of this.settings.clusters) {
      const before = this.#serving.get(trust.name);
      const now = this.serves(trust.name);
      if (now?.revision === before?.revision) continue;
      if (now) {
        this.#adopted(trust.name, now, before);
        this.#serving.set(trust.name, { revision: now.revision, generation: now.generation });
      } else {
        if (!this.#evicted.has(trust.name)) this.#broken(`${this.name} has lost the table of ${trust.name}`);
        this.#serving.delete(trust.name);
      }
    }
  }

  #adopted(cluster: string, { generation, revision }: Serving, before: Serving | undefined): void {
    const name = `${generationName(generation)} (${revision}) of ${cluster}`;
    if (before && !isAbove(generation, before.generation) && !this.#evicted.has(cluster))
      this.#broken(`${this.name} went back from ${generationName(before.generation)} to ${name}`);
    const floor = this.#floors.get(cluster);
    // What the hub itself offered a moment ago may still arrive before what it offered since.
    const isLate = this.#offered.has(revision) && !before;
    if (floor && !isAbove(generation, floor) && !sameGeneration(generation, floor) && !isLate)
      this.#broken(`${this.name} took ${name}, the hub had told it the floor ${generationName(floor)}`);
    const evicted = this.#evicted.get(cluster);
    if (evicted && !isAbove(generation, evicted))
      this.#broken(`${this.name} took ${name}, which it knew was evicted up to ${generationName(evicted)}`);
  }

  #told({ clusters }: PollAnswer, askedAt: number): void {
    if (this.#clock.now() - askedAt >= HEARD_WITHIN_MS) return;
    this.heardAt = this.#clock.now();
    // What was taken before this answer is judged without it.
    this.check();
    for (const [cluster, { floor, evicted, revision }] of Object.entries(clusters)) {
      if (revision !== null) this.#offered.add(revision);
      if (floor) this.#floors.set(cluster, floor);
      if (evicted) this.#evicted.set(cluster, floor);
      // A hub that was wiped knows nothing of it, and takes nothing back.
      else if (revision !== null) this.#evicted.delete(cluster);
    }
  }

  async #handle<T>(handler: () => Promise<T>, leaveAfterMs?: number): Promise<T> {
    if (this.dead) throw new Error('the isolate is gone');
    const request = new WorkerRequest(this.#clock);
    this.#requests.add(request);
    request.onEnd(() => this.#requests.delete(request));
    if (leaveAfterMs !== undefined) this.#clock.after(leaveAfterMs, () => request.leave());
    return request.handle(handler);
  }
}
