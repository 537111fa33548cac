import type { Clock } from '../../clock.ts';
import { ApiFailure, type KubernetesApi } from '../../kubernetes/api.ts';
import type { ApiObject, ObjectId } from './api-object.ts';
import { DeletionGate } from './deletion-gate.ts';
import type { ServedKind } from './discovery.ts';
import { isKindLeaving } from './kind-leaving.ts';
import type { Collection } from './list-pages.ts';
import { reflect, type ReflectedStore, type ReflectorState } from './reflector.ts';
import { isOwn, PLACES, qualifiedName, type WatchedKind } from './watched-kinds.ts';

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

const KEPT = 'What was last known of it stays in use.';
const LOSSES = {
  Leaving: 'is lost: its CustomResourceDefinition is being deleted',
  Gone: 'is lost: the cluster does not serve it any more',
};

interface Scope {
  readonly collection: Collection;
  /** All that the sink holds of it. */
  readonly ids: Set<ObjectId>;
  hasSynced: boolean;
  state: ReflectorState | undefined;
  /** Resolves once it has been read whole, or is known not to be readable at the moment. */
  readonly settled: PromiseWithResolvers<void>;
}

/** What one start of the watches has for itself: nothing of it reaches over into the next. */
interface Run {
  readonly signal: AbortSignal;
  readonly gate: DeletionGate;
}

interface Running {
  readonly version: string;
  readonly gate: DeletionGate;
  readonly stopping: AbortController;
  readonly ended: Promise<unknown>;
}

/** One kind, in all namespaces or in some: what is served of it is followed, and what is lost to it is kept. */
export class KindWatch<T> {
  readonly #options: KindWatchOptions<T>;
  readonly #ids = new Map<string, Set<ObjectId>>();
  #scopes: readonly Scope[] = [];
  #running: Running | undefined;
  #ending: Promise<unknown> = Promise.resolve();
  #hasSynced = false;
  /** Why it is not there, or will not be for long. */
  #loss: 'Leaving' | 'Gone' | undefined;

  constructor(options: KindWatchOptions<T>) {
    this.#options = options;
  }

  get isRunning(): boolean {
    return this.#running !== undefined;
  }

  /** Whether everything was known of it once. */
  get hasSynced(): boolean {
    return this.#hasSynced;
  }

  /** What a person should know of it, as a sentence without its subject; undefined: all is well. */
  get trouble(): string | undefined {
    if (this.#loss !== undefined && this.#holdsObjects()) return `${LOSSES[this.#loss]}. ${KEPT}`;
    for (const { state, hasSynced } of this.#scopes) {
      if (state?.type !== 'Failing') continue;
      const isRefused = state.failure instanceof ApiFailure && [401, 403].includes(state.failure.status);
      if (!isRefused && state.attempts < ATTEMPTS_BEFORE_TOLD) continue;
      const meanwhile = hasSynced || this.#hasSynced ? KEPT : 'Nothing is compiled before that.';
      return `cannot be watched. ${meanwhile} The API server says: ${state.failure.message}`;
    }
    return undefined;
  }

  /** Does what discovery says. */
  follow(served: ServedKind | undefined): void {
    if (!served) {
      this.#halt('the cluster does not serve it');
      if (this.#hasSynced) this.#lose('Gone');
      return;
    }
    if (served.isLeaving) {
      // It is watched on, if it was: what waits for its finalizers still changes.
      if (this.#running) this.#lose('Leaving');
      return;
    }
    if (this.#loss === 'Leaving') this.#lose(undefined);
    if (this.#running?.version === served.version) return;
    this.#halt('it is watched in another version');
    this.#start(served.version);
  }

  /** Reads all of it again, as it is now. Resolves once that is known, deletions too, or cannot be had at the moment. */
  async readAnew(): Promise<void> {
    if (!this.#running) return;
    const { version } = this.#running;
    this.#halt('it is read anew');
    this.#start(version);
    await Promise.all(this.#scopes.map(({ settled }) => settled.promise));
    await this.#running?.gate.idle();
  }

  /** Ends its watches; what was seen stays. Resolves once nothing of it runs. */
  async stop(): Promise<void> {
    this.#halt('stopped');
    await this.#ending;
  }

  #start(version: string): void {
    const { kind, api, namespaces, clock, random, sink } = this.#options;
    const stopping = new AbortController();
    this.#scopes = collectionsOf(kind, version, namespaces).map((collection) => ({
      collection,
      ids: this.#idsOf(collection),
      hasSynced: false,
      state: undefined,
      settled: Promise.withResolvers(),
    }));
    const before = this.#ending;
    const run = { signal: stopping.signal, gate: this.#gateFor(version) };
    const follow = async (scope: Scope): Promise<void> => {
      await before;
      const store = this.#storeOf(scope, run);
      const onState = (state: ReflectorState) => this.#stateOf(scope, state, run);
      const { collection } = scope;
      const project = (object: ApiObject) => sink.project(object);
      await reflect({ api, collection, project, store, onState, clock, random }, run.signal);
      await run.gate.idle();
    };
    this.#running = { version, gate: run.gate, stopping, ended: Promise.all(this.#scopes.map(follow)) };
  }

  #gateFor(version: string): DeletionGate {
    const { api, kind, clock, onMissing } = this.#options;
    return new DeletionGate({
      isKindLeaving: (signal) => isKindLeaving(api, kind, version, signal),
      onLeaving: () => {
        this.#lose('Leaving');
        onMissing();
      },
      clock,
    });
  }

  #halt(why: string): void {
    if (!this.#running) return;
    const { stopping, ended } = this.#running;
    this.#running = undefined;
    for (const { settled } of this.#scopes) settled.resolve();
    this.#scopes = [];
    this.#ending = ended;
    stopping.abort(new Error(why));
  }

  #lose(loss: 'Leaving' | 'Gone' | undefined): void {
    if (this.#loss === loss) return;
    this.#loss = loss;
    this.#options.onChange();
  }

  #holdsObjects(): boolean {
    return isOwn(this.#options.kind) || [...this.#ids.values()].some(({ size }) => size > 0);
  }

  #stateOf(scope: Scope, state: ReflectorState, { signal }: Run): void {
    if (signal.aborted) return;
    scope.state = state;
    if (state.type === 'Failing') scope.settled.resolve();
    const isMissing = state.type === 'Failing' && state.failure instanceof ApiFailure && state.failure.status === 404;
    if (isMissing) this.#options.onMissing();
    this.#options.onChange();
  }

  #storeOf(scope: Scope, run: Run): ReflectedStore<T> {
    return {
      replace: (objects) => {
        for (const id of scope.ids) if (!objects.has(id)) this.#remove(scope, id, run);
        for (const [id, object] of objects) this.#set(scope, id, object, run);
        scope.hasSynced = true;
        scope.settled.resolve();
        if (this.#loss === 'Gone') this.#lose(undefined);
        this.#hasSynced ||= this.#scopes.every(({ hasSynced }) => hasSynced);
      },
      set: (id, object) => this.#set(scope, id, object, run),
      remove: (id) => this.#remove(scope, id, run),
    };
  }

  #set({ ids }: Scope, id: ObjectId, object: T, { signal, gate }: Run): void {
    const { sink, onChange } = this.#options;
    const isKnown = ids.has(id);
    ids.add(id);
    gate.withdraw(id);
    if (!isKnown || !sink.isDeleting?.(object)) {
      sink.set(id, object);
      return;
    }
    const keep = (): void => {
      sink.keep?.(id, object);
      onChange();
    };
    gate.hold(id, { apply: () => sink.set(id, object), keep }, signal);
  }

  #remove({ ids }: Scope, id: ObjectId, { signal, gate }: Run): void {
    if (!ids.has(id)) return;
    const apply = (): void => {
      ids.delete(id);
      this.#options.sink.remove(id);
    };
    // What belongs to Kubernetes itself has no definition that could be deleted.
    if (PLACES[this.#options.kind].group === '') apply();
    else gate.hold(id, { apply, keep: () => undefined }, signal);
  }

  #idsOf({ path, fieldSelector = '' }: Collection): Set<ObjectId> {
    // The same in each version, so that what an older one showed is missed in a newer.
    const scope = `${path.replace(/^\/apis\/[^/]+\/[^/]+/, '')}?${fieldSelector}`;
    const ids = this.#ids.get(scope) ?? new Set();
    this.#ids.set(scope, ids);
    return ids;
  }
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
