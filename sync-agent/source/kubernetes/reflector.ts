import type { Clock } from '../../clock.ts';
import { ApiFailure, isForbidden, type ApiRequest, type KubernetesApi } from '../../kubernetes/api.ts';
import { objectId, type ApiObject, type ObjectId } from './api-object.ts';
import { jsonLines } from './json-lines.ts';
import { listPages, type Collection } from './list-pages.ts';
import { stepAfter, type Standing } from './reflector-step.ts';
import { Silence, whileHeard } from './silence.ts';
import { parseWatchEvent } from './watch-event.ts';

/** Where a reflector puts what it sees. */
export interface ReflectedStore<T> {
  /** All that there is, at one moment; what is not among it is gone. */
  replace(objects: ReadonlyMap<ObjectId, T>): void;
  set(id: ObjectId, object: T): void;
  remove(id: ObjectId): void;
}

export type ReflectorState =
  /** Everything is known, and changes are told. */
  | { readonly type: 'Watching' }
  /** @property attempts in a row */
  | { readonly type: 'Failing'; readonly failure: Error; readonly attempts: number };

export interface ReflectorOptions<T> {
  readonly api: KubernetesApi;
  readonly collection: Collection;
  /** What is kept of an object; undefined: it is as if it were not there. */
  readonly project: (object: ApiObject) => T | undefined;
  readonly store: ReflectedStore<T>;
  readonly onState: (state: ReflectorState) => void;
  /** Before it asks again for what it may not see, at least, in milliseconds; absent: as after other failures. */
  readonly forbiddenPauseMs?: number;
  readonly clock: Clock;
  /** As Math.random. */
  readonly random: () => number;
}

/** Bookmarks come each minute: whoever is silent for longer is not there any more. */
const SILENCE_MS = 90_000;
/** The server is to end a watch by then, so that watches spread anew over its replicas. */
const WATCH_SECONDS = { least: 300, most: 600 };

/**
 * Keeps a store as a collection of the API server is, through everything that may happen on the way, until the signal
 * ends it; then nothing of it runs any more. What follows upon what is decided in reflector-step.ts.
 */
export async function reflect<T>(options: ReflectorOptions<T>, signal: AbortSignal): Promise<void> {
  const reflector = new Reflector(options);
  let [failures, silences] = [0, 0];
  while (!signal.aborted) {
    const ending = await reflector.attempt(signal);
    if (signal.aborted) return;
    // A collection in which nothing happens may be silent where a server sends no bookmarks: that is no failure yet.
    const isQuiet = ending instanceof Silence && reflector.asked === 'Changes';
    if (reflector.hasLearnt) [failures, silences] = [0, 0];
    else if (!isQuiet) failures++;
    if (ending instanceof Silence) silences++;
    const step = stepAfter(ending, { failures, silences, asked: reflector.asked }, options.random);
    if (step.from === 'Start') reflector.startAnew();
    if (step.inPages) {
      reflector.askInPages();
      failures = 0;
    } else if (ending !== undefined && !isQuiet) {
      options.onState({ type: 'Failing', failure: errorOf(ending), attempts: failures });
    }
    const pauseMs = Math.max(step.pauseMs, isForbidden(ending) ? (options.forbiddenPauseMs ?? 0) : 0);
    if (pauseMs > 0) await options.clock.wait(pauseMs, signal).catch(() => undefined);
  }
}

class Reflector<T> {
  readonly #options: ReflectorOptions<T>;
  /** The version up to which the store is complete. */
  #position: string | undefined;
  #inPages = false;
  #wasAway = false;
  /** What it asks for at the moment: what comes behind the whole in a stream are changes. */
  asked: Standing['asked'] = 'Stream';
  /** Whether the attempt has seen more than what it began with. */
  hasLearnt = false;

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
  }

  startAnew(): void {
    this.#position = undefined;
  }

  askInPages(): void {
    this.#inPages = true;
  }

  /** Follows the collection for as long as it goes well. Returns what ended it, undefined where that was in order. */
  async attempt(signal: AbortSignal): Promise<unknown> {
    const { clock } = this.#options;
    this.hasLearnt = false;
    // It may come back from a backup: then what was seen since is not there, while its versions soon are as high again.
    if (this.#wasAway) this.#position = undefined;
    this.#wasAway = false;
    try {
      if (this.#position === undefined && this.#inPages) await this.#list(signal);
      await whileHeard(SILENCE_MS, clock, signal, (signal, heard) => this.#watch(signal, heard));
      return undefined;
    } catch (error) {
      return error;
    }
  }

  async #list(signal: AbortSignal): Promise<void> {
    const { api, collection } = this.#options;
    this.asked = 'Pages';
    const objects = new Map<ObjectId, T>();
    const each = (object: ApiObject | undefined) => (object ? this.#put(object, objects) : objects.clear());
    const version = await listPages(api, collection, each, signal);
    this.#complete(objects, version);
  }

  async #watch(signal: AbortSignal, heard: () => void): Promise<void> {
    const request = this.#watchRequest();
    const chunks = await this.#open(request, signal);
    heard();
    // While the whole is streamed, it is gathered here: the store has it at once, or not at all.
    let whole = this.#position === undefined ? new Map<ObjectId, T>() : undefined;
    if (!whole) this.#options.onState({ type: 'Watching' });
    for await (const value of jsonLines(heardFrom(chunks, heard))) {
      const event = parseWatchEvent(value, `watch of ${request.path}`);
      if (event?.type === 'Failed') throw event.failure;
      if (event?.type === 'Bookmark' && event.isListed && whole) {
        this.#complete(whole, event.resourceVersion);
        whole = undefined;
        continue;
      }
      if (!whole) this.hasLearnt = true;
      if (event?.type === 'Bookmark') {
        if (!whole) this.#position = event.resourceVersion;
      } else if (event) {
        this.#apply(event.type, event.object, whole);
      }
    }
    // The stream of a request that was given up may end as if in order.
    signal.throwIfAborted();
  }

  #apply(type: 'Set' | 'Delete', object: ApiObject, whole: Map<ObjectId, T> | undefined): void {
    const into = whole ?? this.#options.store;
    if (type === 'Set') this.#put(object, into);
    else if (into instanceof Map) into.delete(objectId(object));
    else into.remove(objectId(object));
    if (!whole) this.#position = object.metadata.resourceVersion;
  }

  #put(object: ApiObject, into: Map<ObjectId, T> | ReflectedStore<T>): void {
    const id = objectId(object);
    const kept = this.#options.project(object);
    if (kept !== undefined) into.set(id, kept);
    else if (into instanceof Map) into.delete(id);
    else into.remove(id);
  }

  #complete(objects: ReadonlyMap<ObjectId, T>, version: string): void {
    this.#position = version;
    this.asked = 'Changes';
    this.#options.store.replace(objects);
    this.#options.onState({ type: 'Watching' });
  }

  #watchRequest(): ApiRequest {
    const { collection, random } = this.#options;
    const { least, most } = WATCH_SECONDS;
    const isWhole = this.#position === undefined;
    this.asked = isWhole ? 'Stream' : 'Changes';
    return {
      method: 'GET',
      path: collection.path,
      query: {
        watch: true,
        allowWatchBookmarks: true,
        fieldSelector: collection.fieldSelector,
        timeoutSeconds: Math.round(least + random() * (most - least)),
        ...(isWhole
          ? { sendInitialEvents: true, resourceVersionMatch: 'NotOlderThan' }
          : { resourceVersion: this.#position }),
      },
    };
  }

  async #open(request: ApiRequest, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    try {
      return await this.#options.api.stream(request, signal);
    } catch (error) {
      this.#wasAway ||= error instanceof ApiFailure && error.status === 0;
      throw error;
    }
  }
}

async function* heardFrom(chunks: AsyncIterable<Uint8Array>, heard: () => void): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    heard();
    yield chunk;
  }
}

function errorOf(ending: unknown): Error {
  return ending instanceof Error ? ending : new Error(String(ending));
}
