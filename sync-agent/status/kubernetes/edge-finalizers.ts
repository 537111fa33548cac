import { z } from 'zod';
import type { Clock } from '../../clock.ts';
import { EDGE_FINALIZER, type DeletionHold } from '../../departures.ts';
import { ApiFailure, type KubernetesApi } from '../../kubernetes/api.ts';
import type { Logger } from '../../log.ts';
import type { ResourceId } from '../../snapshot.ts';
import { WorkQueue, type WorkOutcome, type WorkQueueObserver } from '../work-queue.ts';
import { resourceAddress } from './resource-path.ts';
import { gatewayKey } from './status-facts.ts';
import { WriteFailures } from './write-failures.ts';

export interface EdgeFinalizersOptions {
  readonly api: KubernetesApi;
  /** Asked before every write. */
  readonly isLeading: () => boolean;
  readonly clock: Clock;
  /** As Math.random. */
  readonly random: () => number;
  readonly logger: Logger;
  readonly observer: WorkQueueObserver;
}

const heldObject = z.object({
  metadata: z.object({
    resourceVersion: z.string(),
    deletionTimestamp: z.string().nullish(),
    finalizers: z.array(z.string()).default([]),
  }),
});

/** Puts the finalizer on EdgeGateways that are to be held, and takes it away; other finalizers stay as they are. */
export class EdgeFinalizers implements DeletionHold {
  readonly #options: EdgeFinalizersOptions;
  readonly #queue: WorkQueue;
  readonly #failures: WriteFailures;
  readonly #wanted = new Map<ResourceId, boolean>();

  constructor(options: EdgeFinalizersOptions) {
    this.#options = options;
    this.#failures = new WriteFailures(options);
    this.#queue = new WorkQueue({
      ...options,
      concurrency: 1,
      backoff: { firstMs: 200, longestMs: 30_000 },
      work: (edge, signal) => this.#carryOut(edge, signal),
    });
  }

  want(edge: ResourceId, isHeld: boolean, isNow = isHeld): void {
    if (this.#wanted.get(edge) === isHeld && isNow === isHeld) return;
    this.#wanted.set(edge, isHeld);
    this.#queue.add(edge);
  }

  /** Resolves when it is stopped. */
  run(): Promise<void> {
    return this.#queue.run();
  }

  stop(graceMs: number): Promise<void> {
    return this.#queue.stop(graceMs);
  }

  async #carryOut(edge: ResourceId, signal: AbortSignal): Promise<WorkOutcome> {
    const key = gatewayKey(edge);
    const address = resourceAddress(key);
    if (!address || !this.#options.isLeading()) return { type: 'Done' };
    const { path, kind } = address;
    try {
      const found = heldObject.parse(await this.#options.api.call({ method: 'GET', path }, signal));
      const { resourceVersion, finalizers, deletionTimestamp } = found.metadata;
      const isHeld = finalizers.includes(EDGE_FINALIZER);
      const wanted = this.#wanted.get(edge) ?? false;
      // Nothing can be added to what is being deleted.
      if (isHeld === wanted || (wanted && deletionTimestamp)) return { type: 'Done' };
      const others = finalizers.filter((finalizer) => finalizer !== EDGE_FINALIZER);
      const body = { metadata: { resourceVersion, finalizers: wanted ? [...others, EDGE_FINALIZER] : others } };
      await this.#options.api.call(
        { method: 'PATCH', path, contentType: 'application/merge-patch+json', body },
        signal,
      );
      this.#failures.succeeded(kind);
      return { type: 'Done' };
    } catch (error) {
      if (signal.aborted) return { type: 'Retry' };
      if (!(error instanceof ApiFailure) || error.status !== 404) return this.#failures.outcomeOf(error, key, kind);
      this.#wanted.delete(edge);
      return { type: 'Done' };
    }
  }
}
