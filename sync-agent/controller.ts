import type { SignalReport } from '../contract/signals.ts';
import type { Clock } from './clock.ts';
import type { Compilation, PublishTarget, RoutedService } from './compile/compilation.ts';
import type { Compiler } from './compile/compile.ts';
import type { SessionPlan, SessionPublication, SessionPublish } from './edge-session.ts';
import { Sighter } from './edge-sighter.ts';
import type { Logger } from './log.ts';
import { Pass, type PassObserver } from './pass.ts';
import { backoffMs, type Backoff } from './publish/backoff.ts';
import { PublishFailure, retryOf } from './publish/publish-failure.ts';
import { SessionKeeper, type SessionKeeperOptions } from './session-keeper.ts';
import type { SnapshotChange } from './snapshot.ts';
import { EdgeReporter } from './status/edge-reporter.ts';
import type { StatusSink } from './status/status-sink.ts';
import { UNTIL_RUNG_MS, Wake } from './wake.ts';

/** What the signals of one edge are made of, and how they get there. */
export interface SignalFeed {
  /** The services that the edge is led to, as they are now; each once. */
  readonly services: () => readonly RoutedService[];
  /** Nothing happens before there is an edge. @throws {PublishFailure} */
  readonly send: (report: SignalReport, signal: AbortSignal) => Promise<void>;
}

export interface RunningSignals {
  /** The services have changed. */
  changed(): void;
  /** Resolves once nothing of it runs; may be called again. */
  stop(): Promise<void>;
}

export interface ControllerOptions extends SessionKeeperOptions {
  readonly compiler: Compiler;
  /** Absent: the edge is told nothing of load. */
  readonly startSignals?: ((feed: SignalFeed) => RunningSignals) | undefined;
  readonly sink: StatusSink;
  readonly passes: PassObserver;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random: () => number;
}

/** Pauses between passes that failed. What somebody has to mend first is tried again at the longest. */
const RETRIES: Backoff = { firstMs: 500, longestMs: 30_000 };

/** How long the first plan is put off at most for what the edge sees of its services. */
const FIRST_LOOKS_MS = 10_000;

const NOT_EVICTED =
  'the EdgeGateway is gone, and its edge could not be evicted because its keys were not there: `fairlead evict` does it, ' +
  'given a folder that has them';

/** Keeps one edge as the resources say. One pass is in flight at a time; changes meanwhile wait for the next. */
export class EdgeController {
  readonly #options: ControllerOptions;
  readonly #reporter: EdgeReporter;
  readonly #wake = new Wake();
  readonly #sessions: SessionKeeper;
  readonly #sighter: Sighter;
  #changes: SnapshotChange[] = [];
  /** What was compiled since the last compilation that was reported. */
  #untold: SnapshotChange[] = [];
  /** The edge whose sightings the compiler has. */
  #lookedFrom: string | undefined;
  #services: Compilation['services'] = new Map();
  #signals: RunningSignals | undefined;
  /** The last that anything was compiled for. */
  #lastTarget: PublishTarget | undefined;
  #phase: 'Keeping' | 'Evicting' | 'Ending' = 'Keeping';
  #pass: Pass | undefined;
  #isHeld = false;
  #hasLeft = false;

  constructor(options: ControllerOptions) {
    this.#options = options;
    this.#reporter = new EdgeReporter(options);
    this.#sessions = new SessionKeeper(options);
    this.#sighter = new Sighter({ ...options, onSightings: (changes) => this.offer(changes) });
  }

  offer(changes: readonly SnapshotChange[]): void {
    this.#changes.push(...changes);
    this.#wake.ring();
  }

  /** Looks at the edge again, which may have lost what it had, and tells how far it is. */
  refresh(): void {
    this.#sessions.current?.forget();
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
    this.#signals = this.#options.startSignals?.({
      services: () => servicesOf(this.#services),
      send: async (report, signal) => this.#sessions.current?.publisher.sendSignals(report, signal),
    });
    try {
      await this.#keep(signal);
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      this.#sighter.stop();
      this.#reporter.stop();
      await this.#signals?.stop();
    }
  }

  async #keep(signal: AbortSignal): Promise<void> {
    let failures = 0;
    let pauseMs = 0;
    while (!signal.aborted) {
      await this.#wake.sleep(failures > 0 ? pauseMs : UNTIL_RUNG_MS, this.#options.clock, signal);
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
  }

  async #runOnce(signal: AbortSignal): Promise<void> {
    const pass = new Pass(this.#options.passes, this.#options.edge);
    this.#pass = pass;
    try {
      const changes = await pass.run('observe', () => this.#observe());
      const compiled = await pass.run('compile', () => this.#compile(changes));
      const compilation = await pass.run('look', () => this.#look(compiled, signal));
      const planned = await pass.run('plan', () => this.#plan(compilation, signal));
      const publish = planned?.type === 'Publish' ? planned : undefined;
      const published = publish && (await pass.run('publish', () => this.#publish(publish, signal)));
      await pass.run('report', () => this.#report(planned, published));
      pass.end();
    } catch (error) {
      pass.end(error);
      throw error;
    }
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
    this.#untold.push(...changes);
    if (!this.#isLookedAtFirst(compilation)) this.#tell(compilation);
    return compilation;
  }

  /**
   * Before the edge was first asked what it sees, a compilation takes every service for one that nobody has looked at:
   * told then, a new leader would let what has long been served be doubted.
   */
  #isLookedAtFirst({ target, sightings }: Compilation): boolean {
    return target !== undefined && sightings.size > 0 && placeOf(target) !== this.#lookedFrom;
  }

  #tell(compilation: Compilation): void {
    this.#reporter.compiled(compilation, this.#untold);
    this.#untold = [];
    const haveChanged = this.#services !== compilation.services;
    this.#services = compilation.services;
    if (haveChanged) this.#signals?.changed();
  }

  /**
   * Has the edge look at what is wanted. What it sees comes as a change like any other, and is waited for only before
   * anything is planned for this edge: services that it has not seen yet would fall out of its table.
   */
  async #look(compilation: Compilation, signal: AbortSignal): Promise<Compilation> {
    const { target, sightings } = compilation;
    if (!target) return compilation;
    const isUntold = this.#isLookedAtFirst(compilation);
    try {
      const session = await this.#sessions.of(target);
      const isFirst = placeOf(target) !== this.#lookedFrom;
      if (isFirst) this.#sighter.startOver(sightings.size > 0 ? await session.heldServices(signal) : undefined);
      this.#sighter.want(sightings, session.publisher);
      if (!isFirst) return compilation;
      await this.#sighter.settle(FIRST_LOOKS_MS, signal);
    } catch (error) {
      if (isUntold) this.#tell(compilation);
      throw error;
    }
    this.#lookedFrom = placeOf(target);
    const seen = this.#observe();
    if (seen.length > 0) return this.#compile(seen);
    if (isUntold) this.#tell(compilation);
    return compilation;
  }

  async #plan(compilation: Compilation, signal: AbortSignal): Promise<SessionPlan | undefined> {
    const { target } = compilation;
    if (!target) return undefined;
    const session = await this.#sessions.of(target);
    return session.plan(compilation, target.guards, signal);
  }

  async #publish(planned: SessionPublish, signal: AbortSignal): Promise<SessionPublication | undefined> {
    return this.#sessions.current?.publish(planned, signal);
  }

  #report(planned: SessionPlan | undefined, published: SessionPublication | undefined): void {
    const publisher = this.#sessions.current?.publisher;
    if (!planned || !publisher)
      this.#reporter.withheld(`EdgeGateway ${this.#options.edge} cannot be published to: see its conditions`);
    else if (published) this.#reporter.published(published, planned.standing, publisher);
    else if (planned.type === 'Stay') this.#reporter.stayed(planned.held, planned.standing, publisher);
  }

  async #leave(phase: 'Evicting' | 'Ending', signal: AbortSignal): Promise<void> {
    this.#sighter.stop();
    await this.#signals?.stop();
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
    const { publisher } = await this.#sessions.of(this.#lastTarget);
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
    const phase = this.#pass?.step;
    if (!(error instanceof PublishFailure)) {
      // A fault of our own: told, and tried again, because the edge goes on with what it has.
      logger.error('a pass failed by a fault of the agent', { edge, phase, reason: stackOf(error) });
      this.#sessions.current?.forget();
      const pauseMs = RETRIES.longestMs;
      this.#reporter.failed('internal', `the agent failed (${String(error)}): its log has the details`, pauseMs, phase);
      return pauseMs;
    }
    const sentence = this.#phase === 'Keeping' ? error.message : this.#notEvictedYet(error.message);
    switch (retryOf(error.fault)) {
      case 'never':
        this.#reporter.failed(error.fault, sentence, null, phase);
        throw error;
      case 'soon': {
        const pauseMs = Math.max(backoffMs(RETRIES, failures, random), error.retryAfterMs ?? 0);
        this.#reporter.failed(error.fault, sentence, pauseMs, phase);
        return pauseMs;
      }
      case 'later':
        this.#reporter.failed(error.fault, sentence, RETRIES.longestMs, phase);
        return RETRIES.longestMs;
    }
  }
}

function placeOf({ cluster, endpoint }: PublishTarget): string {
  return `${cluster} ${endpoint}`;
}

/** A service that leads several models is one all the same. */
function servicesOf(services: Compilation['services']): readonly RoutedService[] {
  return [...new Map([...services.values()].flat().map((service) => [service.provider, service])).values()];
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
