import { apiVersion } from '../../../crds/group.ts';
import { AGENT_NAME } from '../../agent-name.ts';
import type { Clock } from '../../clock.ts';
import { ApiFailure, type KubernetesApi } from '../../kubernetes/api.ts';
import type { Logger } from '../../log.ts';
import type { Backoff } from '../../publish/backoff.ts';
import type { ResourceId, ResourceKey } from '../../snapshot.ts';
import type { ClusterObjects, StoredObject } from '../../source/source.ts';
import type { AgentEvent, StatusSink } from '../status-sink.ts';
import { WorkQueue, type WorkOutcome, type WorkQueueObserver } from '../work-queue.ts';
import { compareStatus, isOurType, type WantedStatus } from './compare-status.ts';
import type { EventRecorder } from './event-recorder.ts';
import { resourceAddress, type ResourceAddress } from './resource-path.ts';
import { StatusFacts } from './status-facts.ts';
import { readStoredStatus, type StoredStatus } from './stored-status.ts';
import { transitionEvents } from './transition-events.ts';
import { fieldsOf, wantedStatus } from './wanted-status.ts';
import { WriteFailures } from './write-failures.ts';

export interface KubernetesStatusOptions {
  readonly api: KubernetesApi;
  readonly cluster: ClusterObjects;
  /** Asked before every write: whoever does not lead writes nothing. */
  readonly isLeading: () => boolean;
  readonly events: Pick<EventRecorder, 'record'>;
  readonly clock: Clock;
  /** As Math.random. */
  readonly random: () => number;
  readonly logger: Logger;
  readonly observer: WorkQueueObserver;
}

const CONCURRENCY = 8;
const BACKOFF: Backoff = { firstMs: 200, longestMs: 60_000 };
/** Counts are written no more often, in milliseconds. */
const COUNTS_MS = 30_000;
/** So long it says nothing that an edge has not been heard of, in milliseconds. */
const NEW_EDGE_MS = 15_000;

/**
 * Writes what the agent reports to `status` of the resources, by server-side apply: what other controllers wrote there
 * stays theirs. It keeps nothing that could not be found out again, and writes nothing that stands there already.
 */
export class KubernetesStatus implements StatusSink {
  readonly #options: KubernetesStatusOptions;
  readonly #facts = new StatusFacts();
  readonly #queue: WorkQueue;
  readonly #failures: WriteFailures;
  readonly #stopping = new AbortController();
  /** What waits until every edge has been compiled. */
  readonly #early = new Set<ResourceKey>();
  readonly #edgesSince = new Map<ResourceId, number>();
  /** When counts of a resource were written last. */
  readonly #countedAt = new Map<ResourceKey, number>();

  constructor(options: KubernetesStatusOptions) {
    this.#options = options;
    const { clock, random, observer, logger } = options;
    this.#failures = new WriteFailures({ clock, logger });
    this.#queue = new WorkQueue({
      concurrency: CONCURRENCY,
      backoff: BACKOFF,
      work: (key, signal) => this.#write(key, signal),
      clock,
      random,
      observer,
    });
  }

  /** Keys whose status is to be written. */
  get waiting(): number {
    return this.#queue.size;
  }

  report(event: AgentEvent): void {
    for (const key of this.#facts.take(event)) this.#early.add(key);
    if (event.type === 'compiled') this.#meet(event.edge);
    if (event.type === 'edges')
      for (const edge of this.#edgesSince.keys()) if (!event.edges.has(edge)) this.#edgesSince.delete(edge);
    if (!this.#facts.isComplete) return;
    for (const key of this.#early) this.#queue.add(key);
    this.#early.clear();
  }

  /** Resolves when it is stopped. */
  run(): Promise<void> {
    return this.#queue.run();
  }

  /** Resolves once the writes that are under way have ended, or were given up after `graceMs`. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping.abort(new Error('stopped'));
    await this.#queue.stop(graceMs);
  }

  /** An edge that was not known: after a while it counts that it has not been heard of. */
  #meet(edge: ResourceId): void {
    if (this.#edgesSince.has(edge)) return;
    this.#edgesSince.set(edge, this.#options.clock.now());
    void this.#lookAgain(edge);
  }

  async #lookAgain(edge: ResourceId): Promise<void> {
    const { signal } = this.#stopping;
    try {
      await this.#options.clock.wait(NEW_EDGE_MS, signal);
      for (const key of this.#facts.keysOf(edge)) this.#queue.add(key);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  async #write(key: ResourceKey, signal: AbortSignal): Promise<WorkOutcome> {
    const address = resourceAddress(key);
    const stored = this.#options.cluster.stored(key);
    if (!address || !stored || !this.#options.isLeading()) return this.#forget(key);
    const before = readStoredStatus(stored.status);
    const wanted = this.#wanted(key, address, stored, before);
    const difference = compareStatus(wanted, before, fieldsOf(address.kind));
    if (difference === 'None') return { type: 'Done' };
    const now = this.#options.clock.now();
    const countsDue = (this.#countedAt.get(key) ?? -COUNTS_MS) + COUNTS_MS;
    if (difference === 'CountsOnly' && now < countsDue) return { type: 'Later', afterMs: countsDue - now };
    const pausedMs = this.#failures.pausedMs(address.kind);
    if (pausedMs > 0) return { type: 'Retry', afterMs: pausedMs };
    try {
      await this.#apply(address, stored, wanted, before, signal);
    } catch (error) {
      if (signal.aborted) return { type: 'Retry' };
      if (error instanceof ApiFailure && error.status === 404) return this.#forget(key);
      return this.#failures.outcomeOf(error, key, address.kind);
    }
    this.#failures.succeeded(address.kind);
    if (fieldsOf(address.kind).counts.length > 0) this.#countedAt.set(key, now);
    for (const event of transitionEvents(before.conditions, wanted.conditions))
      this.#options.events.record({ ...address, uid: stored.uid }, event);
    return { type: 'Done' };
  }

  #wanted(key: ResourceKey, { kind, namespace, name }: ResourceAddress, stored: StoredObject, before: StoredStatus) {
    const now = this.#options.clock.now();
    return wantedStatus({
      kind,
      key,
      edge: `${namespace}/${name}`,
      facts: this.#facts,
      stored: before,
      generation: stored.generation,
      now: `${new Date(now).toISOString().slice(0, 19)}Z`,
      isNew: (edge) => now - (this.#edgesSince.get(edge) ?? now) < NEW_EDGE_MS,
    });
  }

  async #apply(
    { kind, namespace, name, path }: ResourceAddress,
    { resourceVersion }: StoredObject,
    wanted: WantedStatus,
    before: StoredStatus,
    signal: AbortSignal,
  ): Promise<void> {
    // With its version a leader that was overtaken is refused, although it forces.
    const head = { apiVersion, kind, metadata: { namespace, name, resourceVersion } };
    const patch = { method: 'PATCH', path: `${path}/status` } as const;
    try {
      await this.#options.api.call(
        {
          ...patch,
          query: { fieldManager: AGENT_NAME, force: true },
          contentType: 'application/apply-patch+yaml',
          body: { ...head, status: statusBody(wanted) },
        },
        signal,
      );
    } catch (error) {
      if (!isOfAnotherShape(error)) throw error;
      await this.#options.api.call(
        {
          ...patch,
          query: { fieldManager: AGENT_NAME },
          contentType: 'application/merge-patch+json',
          // It replaces the whole list: what others wrote there stays.
          body: { ...head, status: statusBody({ ...wanted, conditions: [...wanted.conditions, ...othersOf(before)] }) },
        },
        signal,
      );
    }
  }

  #forget(key: ResourceKey): WorkOutcome {
    this.#countedAt.delete(key);
    return { type: 'Done' };
  }
}

function statusBody({ conditions, parents, fields }: WantedStatus) {
  return {
    ...fields,
    conditions: conditions.map((condition) => ({ ...condition })),
    ...(parents && {
      parents: parents.map((parent) => ({ ...parent, conditions: parent.conditions.map((one) => ({ ...one })) })),
    }),
  };
}

function othersOf({ conditions }: StoredStatus): StoredStatus['conditions'] {
  return conditions.filter(({ type }) => !isOurType(type));
}

/** Server-side apply cannot so much as read an object whose fields have other types than the CRD has by now. */
function isOfAnotherShape(error: unknown): boolean {
  return error instanceof ApiFailure && error.message.includes('failed to create typed live object');
}
