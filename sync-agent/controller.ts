import { isDeepStrictEqual } from 'node:util';
import type { Generation } from '../contract/routing-table.ts';
import type { Clock } from './clock.ts';
import type { Compilation, PublishTarget } from './compile/compilation.ts';
import type { Compiler } from './compile/compile.ts';
import { EdgeSession, type SessionPlan, type SessionPublication } from './edge-session.ts';
import type { Logger } from './log.ts';
import { backoffMs, type Backoff } from './publish/backoff.ts';
import { PublishFailure, retryOf } from './publish/publish-failure.ts';
import type { Publisher } from './publish/publisher.ts';
import type { ResourceId, SnapshotChange } from './snapshot.ts';
import { EdgeReporter } from './status/edge-reporter.ts';
import type { StatusSink } from './status/status-sink.ts';
import { Wake } from './wake.ts';

export interface ControllerOptions {
  /** The EdgeGateway. */
  readonly edge: ResourceId;
  readonly clusterUid: string;
  readonly compiler: Compiler;
  /** @throws {PublishFailure} where the target's keys cannot be used */
  readonly openPublisher: (target: PublishTarget, floor: Generation | null) => Promise<Publisher>;
  readonly sink: StatusSink;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random: () => number;
}

/** Pauses between passes that failed. What somebody has to mend first is tried again at the longest. */
const RETRIES: Backoff = { firstMs: 500, longestMs: 30_000 };

/** A wait without end, as a timer's longest. */
const UNTIL_WOKEN_MS = 2 ** 31 - 1;

/** Keeps one edge as the resources say. One pass is in flight at a time; changes meanwhile wait for the next. */
export class EdgeController {
  readonly #options: ControllerOptions;
  readonly #reporter: EdgeReporter;
  readonly #wake = new Wake();
  #changes: SnapshotChange[] = [];
  #target: PublishTarget | undefined;
  #session: EdgeSession | undefined;

  constructor(options: ControllerOptions) {
    this.#options = options;
    this.#reporter = new EdgeReporter(options);
  }

  offer(changes: readonly SnapshotChange[]): void {
    this.#changes.push(...changes);
    this.#wake.ring();
  }

  /** Looks at the edge again, which may have lost what it had, and tells how far it is. */
  refresh(): void {
    this.#session?.forget();
    this.#wake.ring();
  }

  /** Resolves when the signal ends it. @throws {PublishFailure} `superseded`, where another agent took over */
  async run(signal: AbortSignal): Promise<void> {
    let failures = 0;
    let pauseMs = 0;
    try {
      while (!signal.aborted) {
        await this.#wake.sleep(failures > 0 ? pauseMs : UNTIL_WOKEN_MS, this.#options.clock, signal);
        try {
          await this.#runOnce(signal);
          failures = 0;
        } catch (error) {
          signal.throwIfAborted();
          pauseMs = this.#fail(error, failures);
          failures += 1;
        }
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      this.#reporter.stop();
    }
  }

  async #runOnce(signal: AbortSignal): Promise<void> {
    const changes = this.#observe();
    const compilation = this.#compile(changes);
    const planned = await this.#plan(compilation, signal);
    const published = await this.#publish(planned, signal);
    this.#report(planned, published);
  }

  #observe(): readonly SnapshotChange[] {
    const changes = this.#changes;
    this.#changes = [];
    return changes;
  }

  #compile(changes: readonly SnapshotChange[]): Compilation {
    const { compiler } = this.#options;
    compiler.apply(changes);
    const compilation = compiler.compile();
    this.#reporter.compiled(compilation);
    return compilation;
  }

  async #plan(compilation: Compilation, signal: AbortSignal): Promise<SessionPlan | undefined> {
    const session = await this.#sessionFor(compilation.target);
    return session?.plan(compilation, signal);
  }

  async #publish(planned: SessionPlan | undefined, signal: AbortSignal): Promise<SessionPublication | undefined> {
    if (planned?.plan.type !== 'Publish') return undefined;
    return this.#session?.publish(planned.plan, planned.blobs, signal);
  }

  #report(planned: SessionPlan | undefined, published: SessionPublication | undefined): void {
    const publisher = this.#session?.publisher;
    if (!planned || !publisher)
      this.#reporter.withheld(`EdgeGateway ${this.#options.edge} cannot be published to: see its conditions`);
    else if (published) this.#reporter.published(published, publisher);
    else if (planned.plan.type === 'Unchanged') this.#reporter.unchanged(planned.plan.held, publisher);
  }

  /** The session of the target, a new one where the target is another; none where nothing may be published. */
  async #sessionFor(target: PublishTarget | undefined): Promise<EdgeSession | undefined> {
    if (!target) return undefined;
    if (this.#session && isDeepStrictEqual(target, this.#target)) return this.#session;
    const { openPublisher, clusterUid } = this.#options;
    const isSamePlace = this.#target?.endpoint === target.endpoint && this.#target.cluster === target.cluster;
    const floor = isSamePlace ? (this.#session?.held?.pointer.generation ?? null) : null;
    const publisher = await openPublisher(target, floor);
    this.#session = new EdgeSession({ publisher, endpoint: target.endpoint, cluster: target.cluster, clusterUid });
    this.#target = target;
    return this.#session;
  }

  /** Returns the pause until the next pass. @throws what ends the controller */
  #fail(error: unknown, failures: number): number {
    const { random, logger, edge } = this.#options;
    if (!(error instanceof PublishFailure)) {
      // A fault of our own: told, and tried again, because the edge goes on with what it has.
      logger.error('a pass failed by a fault of the agent', { edge, reason: stackOf(error) });
      this.#session?.forget();
      const pauseMs = RETRIES.longestMs;
      this.#reporter.failed('internal', `the agent failed (${String(error)}): its log has the details`, pauseMs);
      return pauseMs;
    }
    switch (retryOf(error.fault)) {
      case 'never':
        this.#reporter.failed(error.fault, error.message, null);
        throw error;
      case 'soon': {
        const pauseMs = backoffMs(RETRIES, failures, random);
        this.#reporter.failed(error.fault, error.message, pauseMs);
        return pauseMs;
      }
      case 'later':
        this.#reporter.failed(error.fault, error.message, RETRIES.longestMs);
        return RETRIES.longestMs;
    }
  }
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
