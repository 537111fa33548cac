import { isDeepStrictEqual } from 'node:util';
import type { Generation } from '../contract/routing-table.ts';
import type { Clock } from './clock.ts';
import type { Compilation, PublishTarget } from './compile/compilation.ts';
import type { Compiler } from './compile/compile.ts';
import { EdgeSession, type SessionPlan, type SessionPublication } from './edge-session.ts';
import type { ShrinkMode } from './guards/shrink.ts';
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
  readonly shrink: ShrinkMode;
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

const NOT_EVICTED =
  'the EdgeGateway is gone, and its edge could not be evicted because its keys were not there: `fairlead evict` does it, ' +
  'given a folder that has them';

/** Keeps one edge as the resources say. One pass is in flight at a time; changes meanwhile wait for the next. */
export class EdgeController {
  readonly #options: ControllerOptions;
  readonly #reporter: EdgeReporter;
  readonly #wake = new Wake();
  #changes: SnapshotChange[] = [];
  #target: PublishTarget | undefined;
  #session: EdgeSession | undefined;
  /** The last that anything was compiled for. */
  #lastTarget: PublishTarget | undefined;
  #phase: 'Keeping' | 'Evicting' | 'Ending' = 'Keeping';
  #isHeld = false;
  #hasLeft = false;

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

  /** Whether it has evicted, or was told to retain: nothing is left for it to do. */
  get hasLeft(): boolean {
    return this.#hasLeft;
  }

  /**
   * The EdgeGateway is gone, and what it published is to go with it: evicts that, and then `run` ends.
   *
   * @param isHeld the EdgeGateway itself waits for it, so that it is tried until it is done
   */
  evict(isHeld: boolean): void {
    this.#isHeld = isHeld;
    this.#phase = 'Evicting';
    this.#wake.ring();
  }

  /** What was to be evicted is to stay after all: `run` ends once no eviction is under way. */
  retain(): void {
    this.#phase = 'Ending';
    this.#wake.ring();
  }

  /**
   * Resolves when the signal ends it, or it has evicted.
   *
   * @throws {PublishFailure} `superseded`, where another agent took over
   */
  async run(signal: AbortSignal): Promise<void> {
    let failures = 0;
    let pauseMs = 0;
    try {
      while (!signal.aborted) {
        await this.#wake.sleep(failures > 0 ? pauseMs : UNTIL_WOKEN_MS, this.#options.clock, signal);
        try {
          if (this.#phase === 'Keeping') await this.#runOnce(signal);
          else return await this.#leave(this.#phase, signal);
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
    this.#lastTarget = compilation.target ?? this.#lastTarget;
    this.#reporter.compiled(compilation, changes);
    return compilation;
  }

  async #plan(compilation: Compilation, signal: AbortSignal): Promise<SessionPlan | undefined> {
    const { target } = compilation;
    if (!target) return undefined;
    const session = await this.#sessionFor(target);
    return session.plan(compilation, target.guards, signal);
  }

  async #publish(planned: SessionPlan | undefined, signal: AbortSignal): Promise<SessionPublication | undefined> {
    if (planned?.type !== 'Publish') return undefined;
    return this.#session?.publish(planned, signal);
  }

  #report(planned: SessionPlan | undefined, published: SessionPublication | undefined): void {
    const publisher = this.#session?.publisher;
    if (!planned || !publisher)
      this.#reporter.withheld(`EdgeGateway ${this.#options.edge} cannot be published to: see its conditions`);
    else if (published) this.#reporter.published(published, planned.standing, publisher);
    else if (planned.type === 'Stay') this.#reporter.stayed(planned.held, planned.standing, publisher);
  }

  /** The session of the target, a new one where the target is another. What guards say makes no other target. */
  async #sessionFor(target: PublishTarget): Promise<EdgeSession> {
    const known = this.#target && { ...this.#target, guards: target.guards };
    if (this.#session && isDeepStrictEqual(target, known)) {
      this.#target = target;
      return this.#session;
    }
    const { edge: gateway, openPublisher, clusterUid, shrink } = this.#options;
    const { endpoint, cluster } = target;
    const isSamePlace = this.#target?.endpoint === endpoint && this.#target.cluster === cluster;
    const floor = isSamePlace ? (this.#session?.held?.pointer.generation ?? null) : null;
    const publisher = await openPublisher(target, floor);
    this.#session = new EdgeSession({ publisher, gateway, endpoint, cluster, clusterUid, shrink });
    this.#target = target;
    return this.#session;
  }

  async #leave(phase: 'Evicting' | 'Ending', signal: AbortSignal): Promise<void> {
    if (phase === 'Ending') {
      this.#hasLeft = true;
      return;
    }
    if (!this.#lastTarget && this.#isHeld) this.#compile(this.#observe());
    if (!this.#lastTarget) {
      if (this.#isHeld) throw new PublishFailure('unusable-key', 'its keys are not there');
      this.#reporter.failed('unusable-key', NOT_EVICTED, null);
      return;
    }
    const { publisher } = await this.#sessionFor(this.#lastTarget);
    await publisher.evict(signal);
    this.#hasLeft = true;
    this.#reporter.evicted();
  }

  #notEvictedYet(why: string): string {
    const [namespace, name] = this.#options.edge.split('/');
    const force =
      `; the EdgeGateway stays until it is evicted, or is to be retained: kubectl patch edgegateway ${name} ` +
      `-n ${namespace} --type merge -p '{"spec":{"deletionPolicy":"Retain"}}'`;
    return `not evicted yet: ${why}${this.#isHeld ? force : ''}`;
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
    const sentence = this.#phase === 'Keeping' ? error.message : this.#notEvictedYet(error.message);
    switch (retryOf(error.fault)) {
      case 'never':
        this.#reporter.failed(error.fault, sentence, null);
        throw error;
      case 'soon': {
        const pauseMs = Math.max(backoffMs(RETRIES, failures, random), error.retryAfterMs ?? 0);
        this.#reporter.failed(error.fault, sentence, pauseMs);
        return pauseMs;
      }
      case 'later':
        this.#reporter.failed(error.fault, sentence, RETRIES.longestMs);
        return RETRIES.longestMs;
    }
  }
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
