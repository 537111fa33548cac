import type { Clock } from '../../clock.ts';
import { ApiFailure, type KubernetesApi } from '../../kubernetes/api.ts';
import type { ApiObject, ObjectId } from './api-object.ts';
import { DeletionGate } from './deletion-gate.ts';
import type { ServedKind } from './discovery.ts';
import { isKindLeaving } from './kind-leaving.ts';
import type { Collection } from './list-pages.ts';
import { reflect, type ReflectedStore, type ReflectorState } from './reflector.ts';
import { PLACES, qualifiedName, type WatchedKind } from './watched-kinds.ts';

/** What becomes of the objects of a kind. */
export interface KindSink<T> {
  /** What is kept of an object; undefined: nothing. */
  project(object: ApiObject): T | undefined;
  set(id: ObjectId, object: T): void;
  remove(id: ObjectId): void;
  /** It is being deleted with its whole kind: what it says stays as it was. */
  keep?(id: ObjectId, object: T): void;
  /** Whether somebody, or the deletion of its kind, has asked for it to go. */
  isDeleting?(object: T): boolean;
}

export interface KindWatchOptions<T> {
  readonly kind: WatchedKind;
  readonly api: KubernetesApi;
  /** Absent: all. */
  readonly namespaces: readonly string[] | undefined;
  readonly sink: KindSink<T>;
  /** Its standing may be another. */
  readonly onChange: () => void;
  /** The API server does not know the kind any more, as it seems. */
  readonly onMissing: () => void;
  readonly clock: Clock;
  readonly random: () => number;
}

/** Attempts in a row that go wrong before it is told: a server that restarts is no problem. */
const ATTEMPTS_BEFORE_TOLD = 4;

interface Scope {
  readonly collection: Collection;
  /** All that the sink holds of it. */
  readonly ids: Set<ObjectId>;
  hasSynced: boolean;
  state: ReflectorState | undefined;
}

interface Running {
  readonly version: string;
  readonly stopping: AbortController;
  readonly ended: Promise<unknown>;
}

/** One kind, in all namespaces or in some: what is served of it is followed, and what is lost to it is kept. */
export class KindWatch<T> {
  readonly #options: KindWatchOptions<T>;
  readonly #gate: DeletionGate;
  readonly #ids = new Map<string, Set<ObjectId>>();
  #scopes: readonly Scope[] = [];
  #running: Running | undefined;
  #ending: Promise<unknown> = Promise.resolve();
  #hasSynced = false;
  #lost: string | undefined;

  constructor(options: KindWatchOptions<T>) {
    this.#options = options;
    this.#gate = new DeletionGate({
      isKindLeaving: (signal) => isKindLeaving(options.api, options.kind, this.#running?.version ?? '', signal),
      onLeaving: () => this.#lose('its CustomResourceDefinition is being deleted'),
      clock: options.clock,
    });
  }

  get isRunning(): boolean {
    return this.#running !== undefined;
  }

  /** Whether everything was known of it once. */
  get hasSynced(): boolean {
    return this.#hasSynced;
  }

  /** What a person should know, as a sentence without its subject; undefined: all is well. */
  get trouble(): string | undefined {
    if (this.#lost !== undefined) return this.#lost;
    for (const { state, hasSynced } of this.#scopes) {
      if (state?.type !== 'Failing') continue;
      const isRefused = state.failure instanceof ApiFailure && [401, 403, 404].includes(state.failure.status);
      if (!isRefused && state.attempts < ATTEMPTS_BEFORE_TOLD) continue;
      const keeps = hasSynced ? 'What was last known of it stays in use.' : 'Nothing is compiled before it can be.';
      return `cannot be watched. ${keeps} ${state.failure.message}`;
    }
    return undefined;
  }

  /** Does what discovery says. */
  follow(served: ServedKind | undefined): void {
    if (!served || served.isLeaving) {
      const why = served ? 'its CustomResourceDefinition is being deleted' : 'the cluster does not serve it any more';
      if (this.#running || this.#lost !== undefined) this.#lose(why);
      return;
    }
    if (this.#running?.version === served.version) return;
    this.#halt('it is watched in another version');
    this.#start(served.version);
  }

  /** Ends its watches; what was seen stays. Resolves once nothing of it runs. */
  async stop(): Promise<void> {
    this.#halt('stopped');
    await this.#ending;
    await this.#gate.idle();
  }

  /** Ends its watches, and forgets what was seen. */
  async forget(): Promise<void> {
    await this.stop();
    for (const ids of this.#ids.values()) for (const id of ids) this.#options.sink.remove(id);
    this.#ids.clear();
    this.#lost = undefined;
    this.#hasSynced = false;
  }

  #start(version: string): void {
    const { kind, api, namespaces, clock, random, sink } = this.#options;
    const stopping = new AbortController();
    this.#scopes = collectionsOf(kind, version, namespaces).map((collection) => ({
      collection,
      ids: this.#idsOf(collection),
      hasSynced: false,
      state: undefined,
    }));
    const before = this.#ending;
    const run = async (scope: Scope): Promise<void> => {
      await before;
      const store = this.#storeOf(scope, stopping.signal);
      const onState = (state: ReflectorState) => this.#stateOf(scope, state, stopping.signal);
      const { collection } = scope;
      const project = (object: ApiObject) => sink.project(object);
      await reflect({ api, collection, project, store, onState, clock, random }, stopping.signal);
    };
    this.#running = { version, stopping, ended: Promise.all(this.#scopes.map(run)) };
  }

  #halt(why: string): void {
    if (!this.#running) return;
    const { stopping, ended } = this.#running;
    this.#running = undefined;
    this.#ending = ended;
    stopping.abort(new Error(why));
  }

  #lose(why: string): void {
    this.#halt(why);
    const hasObjects = [...this.#ids.values()].some(({ size }) => size > 0);
    this.#lost = hasObjects || this.#hasSynced ? `is lost: ${why}. What was last known of it stays in use` : undefined;
    this.#options.onChange();
    this.#options.onMissing();
  }

  #stateOf(scope: Scope, state: ReflectorState, signal: AbortSignal): void {
    if (signal.aborted) return;
    scope.state = state;
    const isMissing = state.type === 'Failing' && state.failure instanceof ApiFailure && state.failure.status === 404;
    if (isMissing) this.#options.onMissing();
    this.#options.onChange();
  }

  #storeOf(scope: Scope, signal: AbortSignal): ReflectedStore<T> {
    return {
      replace: (objects) => {
        for (const id of scope.ids) if (!objects.has(id)) this.#remove(scope, id, signal);
        for (const [id, object] of objects) this.#set(scope, id, object, signal);
        scope.hasSynced = true;
        this.#lost = undefined;
        this.#hasSynced ||= this.#scopes.every(({ hasSynced }) => hasSynced);
      },
      set: (id, object) => this.#set(scope, id, object, signal),
      remove: (id) => this.#remove(scope, id, signal),
    };
  }

  #set({ ids }: Scope, id: ObjectId, object: T, signal: AbortSignal): void {
    const { sink } = this.#options;
    const isKnown = ids.has(id);
    ids.add(id);
    this.#gate.withdraw(id);
    if (!isKnown || !sink.isDeleting?.(object)) {
      sink.set(id, object);
      return;
    }
    const held = { apply: () => sink.set(id, object), keep: () => sink.keep?.(id, object) };
    this.#gate.hold(id, held, signal);
  }

  #remove({ ids }: Scope, id: ObjectId, signal: AbortSignal): void {
    if (!ids.has(id)) return;
    const apply = (): void => {
      ids.delete(id);
      this.#options.sink.remove(id);
    };
    // What belongs to Kubernetes itself has no definition that could be deleted.
    if (isBuiltIn(this.#options.kind)) apply();
    else this.#gate.hold(id, { apply, keep: () => undefined }, signal);
  }

  #idsOf({ path, fieldSelector = '' }: Collection): Set<ObjectId> {
    // The same in each version, so that what an older one showed is missed in a newer.
    const scope = `${path.replace(/^\/apis\/[^/]+\/[^/]+/, '')}?${fieldSelector}`;
    const ids = this.#ids.get(scope) ?? new Set();
    this.#ids.set(scope, ids);
    return ids;
  }
}

function isBuiltIn(kind: WatchedKind): boolean {
  return kind === 'Namespace' || kind === 'EndpointSlice';
}

function collectionsOf(
  kind: WatchedKind,
  version: string,
  namespaces: readonly string[] | undefined,
): readonly Collection[] {
  const { group, plural, isNamespaced } = PLACES[kind];
  const root = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  if (!namespaces) return [{ path: `${root}/${plural}` }];
  return namespaces.map((name) =>
    isNamespaced
      ? { path: `${root}/namespaces/${name}/${plural}` }
      : { path: `${root}/${plural}`, fieldSelector: `metadata.name=${name}` },
  );
}

/** For a sentence. */
export function nameOfKind(kind: WatchedKind): string {
  return `${kind} (${qualifiedName(PLACES[kind])})`;
}
