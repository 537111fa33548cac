import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../../clock.ts';
import type { EndpointPicker } from '../../inference/endpoint-picker.ts';
import { INFERENCE_KINDS } from '../../inference/inference-service.ts';
import type { KubernetesApi } from '../../kubernetes/api.ts';
import type { ResourceKey, SnapshotChange } from '../../snapshot.ts';
import { Wake } from '../../wake.ts';
import type { ClusterObjects, InferenceEndpoint, Observation, Problem, StoredObject } from '../source.ts';
import { ClusterNamespaces } from './cluster-namespaces.ts';
import { followDiscovery, type DiscoveredKind } from './follow-discovery.ts';
import { InferenceServices } from './inference-services.ts';
import { KindWatch, nameOfKind, type KindSink } from './kind-watch.ts';
import { PendingChanges } from './pending-changes.ts';
import { ReferredSecrets, type ServiceAccount } from './referred-secrets.ts';
import { StoredResources } from './stored-resources.ts';
import { isOwn, OWN_KINDS, PLACES, qualifiedName, type WatchedKind } from './watched-kinds.ts';

export interface OpenClusterOptions {
  readonly api: KubernetesApi;
  /** Absent: all. */
  readonly namespaces: readonly string[] | undefined;
  readonly serviceAccount: ServiceAccount;
  /** Something may have changed: what is known, or what is wrong. */
  readonly onChange: () => void;
  readonly clock: Clock;
  readonly random: () => number;
}

interface Watch extends DiscoveredKind {
  readAnew(): Promise<void>;
  readonly isRunning: boolean;
  readonly hasSynced: boolean;
  readonly trouble: string | undefined;
  stop(): Promise<void>;
}

/** A cluster that is being watched, and what is known of it. */
export class OpenCluster implements ClusterObjects {
  readonly #options: OpenClusterOptions;
  readonly #stopping = new AbortController();
  readonly #missing = new Wake();
  readonly #changes: PendingChanges;
  readonly #stored = new Map<WatchedKind, StoredResources>();
  readonly #watches = new Map<WatchedKind, Watch>();
  readonly #inference: InferenceServices;
  readonly #secrets: ReferredSecrets;
  readonly #discovering: Promise<void>;
  /** `Unasked` until the cluster has first said what it serves. */
  #discovery: 'Unasked' | 'Works' | Error = 'Unasked';
  #problems: readonly Problem[] = [];

  constructor(options: OpenClusterOptions) {
    this.#options = options;
    this.#changes = new PendingChanges(options.onChange);
    this.#inference = new InferenceServices({ ...options, changes: this.#changes });
    this.#secrets = new ReferredSecrets({ ...options, changes: this.#changes });
    for (const kind of [...OWN_KINDS, 'ReferenceGrant'] as const) this.#watch(kind, this.#storedResources(kind));
    for (const kind of INFERENCE_KINDS) this.#watch(kind, this.#inference.sinkOf(kind));
    this.#watch('Namespace', new ClusterNamespaces(this.#changes));
    this.#discovering = followDiscovery(
      {
        ...options,
        kinds: this.#watches,
        wake: this.#missing,
        isUneasy: () => [...this.#watches].some(([kind, watch]) => this.#troubleOf(kind, watch) !== undefined),
        onDiscovered: (failure) => {
          this.#discovery = failure ?? 'Works';
          options.onChange();
        },
      },
      this.#stopping.signal,
    );
  }

  /** Whether everything was known once. */
  get hasSynced(): boolean {
    if (this.#discovery === 'Unasked') return false;
    const isKnown = ([kind, { isRunning, hasSynced }]: readonly [WatchedKind, Watch]) =>
      hasSynced || (!isRunning && !isOwn(kind) && this.#discovery === 'Works');
    return [...this.#watches].every(isKnown) && this.#inference.hasSynced && this.#secrets.hasSynced;
  }

  observe(): Observation {
    this.#inference.tell();
    const changes = this.#changes.take((change) => this.#isWhole(change));
    const problems = [...this.#problemsNow()];
    if (!isDeepStrictEqual(problems, this.#problems)) this.#problems = problems;
    return { changes, problems: this.#problems };
  }

  /** What is wrong at the moment. */
  get problems(): readonly Problem[] {
    return [...this.#problemsNow()];
  }

  stored(key: ResourceKey): StoredObject | undefined {
    const slash = key.indexOf('/');
    for (const [kind, resources] of this.#stored)
      if (kind === key.slice(0, slash)) return resources.stored(key.slice(slash + 1));
    return undefined;
  }

  endpoints(key: ResourceKey): readonly InferenceEndpoint[] {
    return this.#inference.endpoints(key);
  }

  picker(key: ResourceKey): EndpointPicker | undefined {
    return this.#inference.picker(key);
  }

  /** Reads everything again but Secrets and EndpointSlices. Resolves once it is known, or cannot be had at the moment. */
  async catchUp(): Promise<void> {
    await Promise.all([...this.#watches.values()].map((watch) => watch.readAnew()));
  }

  /** Resolves once nothing of it runs. */
  async close(): Promise<void> {
    this.#stopping.abort(new Error('the source is closed'));
    await Promise.all([
      this.#discovering,
      ...[...this.#watches.values()].map((watch) => watch.stop()),
      this.#inference.stop(),
      this.#secrets.stop(),
    ]);
  }

  #storedResources(kind: (typeof OWN_KINDS)[number] | 'ReferenceGrant'): StoredResources {
    const resources = new StoredResources({
      kind,
      onChange: (key, before, now) => {
        this.#secrets.follow(before, now);
        if (now) this.#changes.set(now);
        else if (before) this.#changes.delete(key);
        else this.#options.onChange();
      },
    });
    this.#stored.set(kind, resources);
    return resources;
  }

  #watch<T>(kind: WatchedKind, sink: KindSink<T>): void {
    const onMissing = () => this.#missing.ring();
    this.#watches.set(kind, new KindWatch<T>({ ...this.#options, kind, sink, onMissing }));
  }

  /** A resource is told of only together with the Secrets that it names: without them it would be at fault for a moment. */
  #isWhole(change: SnapshotChange): boolean {
    if (change.type === 'Delete' || !('spec' in change.resource)) return true;
    return this.#secrets.hasAllOf(change.resource);
  }

  #troubleOf(kind: WatchedKind, watch: Watch): string | undefined {
    if (watch.trouble !== undefined || watch.isRunning || !isOwn(kind) || this.#discovery !== 'Works')
      return watch.trouble;
    return 'is not served by this cluster: install the CRDs of Fairlead. Nothing is compiled before that.';
  }

  *#problemsNow(): Generator<Problem> {
    if (this.#discovery instanceof Error)
      yield problem('cluster', `What the cluster serves cannot be asked: ${this.#discovery.message}`);
    for (const [kind, watch] of this.#watches) {
      const trouble = this.#troubleOf(kind, watch);
      if (trouble !== undefined) yield problem(qualifiedName(PLACES[kind]), `${nameOfKind(kind)} ${trouble}`);
    }
    for (const [namespace, failure] of this.#inference.failures())
      yield problem('endpointslices', `EndpointSlices of namespace ${namespace} cannot be watched: ${failure.message}`);
    yield* this.#secrets.problems();
    for (const resources of this.#stored.values()) yield* resources.problems();
  }
}

function problem(file: string, sentence: string): Problem {
  return { severity: 'error', file, line: 1, column: 1, sentence };
}
