import { abortReason, systemClock, type Clock } from './clock.ts';
import type { PublishTarget } from './compile/compilation.ts';
import { createCompiler } from './compile/compile.ts';
import { EdgeController, type RunningSignals, type SignalFeed } from './controller.ts';
import { Departures, placeOf, type DeletionHold, type RunningController } from './departures.ts';
import type { ShrinkMode } from './guards/shrink.ts';
import type { Logger } from './log.ts';
import { openPublisher } from './publish/open-publisher.ts';
import { unobserved, type PassObserver } from './pass.ts';
import { laterGeneration } from './publish/later-generation.ts';
import {
  applyChange,
  resourceId,
  type Resource,
  type ResourceId,
  type ResourceKey,
  type ResourceOf,
  type SnapshotChange,
} from './snapshot.ts';
import type { OpenSource, Problem, ResourceSource } from './source/source.ts';
import { Generations } from './status/generations.ts';
import { publishedGeneration } from './status/kubernetes/stored-status.ts';
import type { StatusSink } from './status/status-sink.ts';
import { Wake } from './wake.ts';

export interface AgentOptions {
  readonly source: ResourceSource;
  readonly sink: StatusSink;
  readonly logger: Logger;
  readonly fetch?: typeof fetch;
  readonly clock?: Clock;
  /** As Math.random. */
  readonly random?: () => number;
  /** How long the source must have been quiet before it is read. */
  readonly debounceMs?: number;
  /** How long changes without end are put off at most. */
  readonly maximumWaitMs?: number;
  /** How often folder and edges are looked at without being told of a change. */
  readonly resyncMs?: number;
  /** What becomes of a table that would take much away from the edge; absent: it waits for a word. */
  readonly shrink?: ShrinkMode;
  /** Where Cloudflare's API stands, for proxies and tests; absent: where Cloudflare has it. */
  readonly cloudflareAPI?: string | undefined;
  /** Is told of every pass. */
  readonly passes?: PassObserver;
  /** Absent: an EdgeGateway that is deleted is gone at once. */
  readonly hold?: DeletionHold;
  /** Tells an EdgeGateway's edge of the load of the services that it is led to; absent: it is told nothing of it. */
  readonly startSignals?: ((edge: ResourceId, feed: SignalFeed) => RunningSignals) | undefined;
}

export interface Agent {
  /**
   * Resolves after the signal has ended it.
   *
   * @throws {SourceUnavailable} where there is nothing to begin with
   * @throws {PublishFailure} `superseded`, where another agent took over
   */
  run(signal: AbortSignal): Promise<void>;
}

export function createAgent(options: AgentOptions): Agent {
  return { run: (signal) => new RunningAgent(options).run(signal) };
}

/** Options that have no default. */
type Optional = 'cloudflareAPI' | 'startSignals';

type Gateway = ResourceOf<'EdgeGateway'>;

const NO_HOLD: DeletionHold = { want: () => undefined };

/** Reads the source, and hands what changed to the controllers of all EdgeGateways, of which each has its own pace. */
class RunningAgent {
  readonly #options: Required<Omit<AgentOptions, Optional>> & Pick<AgentOptions, Optional>;
  readonly #wake = new Wake();
  readonly #resources = new Map<ResourceKey, Resource>();
  readonly #controllers = new Map<ResourceId, RunningController>();
  readonly #departures: Departures;
  readonly #failed = new AbortController();
  #problems: readonly Problem[] = [];
  #edges: ReadonlySet<ResourceId> | undefined;

  constructor(options: AgentOptions) {
    this.#options = {
      fetch: globalThis.fetch,
      clock: systemClock,
      random: Math.random,
      debounceMs: 40,
      maximumWaitMs: 400,
      resyncMs: 30_000,
      shrink: 'Hold',
      hold: NO_HOLD,
      passes: unobserved,
      ...options,
    };
    this.#departures = new Departures(this.#options.hold);
  }

  async run(stop: AbortSignal): Promise<void> {
    const signal = AbortSignal.any([stop, this.#failed.signal]);
    if (signal.aborted) return;
    const source = await this.#options.source.open(() => this.#wake.ring(), signal);
    try {
      await this.#loop(source, signal);
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      await source.close();
      // An agent that ends is no EdgeGateway that goes: nothing is evicted any more.
      const all = [...this.#controllers.values(), ...this.#departures.running];
      for (const { stopping } of all) stopping.abort(new Error('stopped'));
      await Promise.all(all.map(({ ended }) => ended));
    }
    if (this.#failed.signal.aborted) throw abortReason(this.#failed.signal);
  }

  async #loop(source: OpenSource, signal: AbortSignal): Promise<void> {
    const { clock, debounceMs, maximumWaitMs, resyncMs } = this.#options;
    // Changes without end do not put it off: an edge may lose what it had just then.
    let lookAt = clock.now() + resyncMs;
    while (!signal.aborted) {
      const { changes, problems } = await source.observe();
      this.#tellProblems(problems);
      this.#route(changes, source);
      const untilLookMs = Math.min(resyncMs, Math.max(0, lookAt - clock.now()));
      const isChange = await this.#wake.sleep(untilLookMs, clock, signal);
      if (isChange) await this.#wake.settle({ quietMs: debounceMs, maximumMs: maximumWaitMs }, clock, signal);
      if (isChange && clock.now() < lookAt) continue;
      lookAt = clock.now() + resyncMs;
      for (const { controller } of this.#controllers.values()) controller.refresh();
    }
  }

  #route(raw: readonly SnapshotChange[], source: OpenSource): void {
    const before = this.#gateways();
    const changes = this.#departures.take(raw);
    for (const change of changes) applyChange(this.#resources, change);
    const gateways = this.#gateways();
    const places = new Set([...gateways.values()].map(placeOf));
    for (const [edge, gateway] of before) if (!gateways.has(edge)) this.#end(edge, gateway, places);
    if (changes.length > 0) for (const { controller } of this.#controllers.values()) controller.offer(changes);
    for (const [edge, gateway] of gateways)
      if (!this.#controllers.has(edge)) this.#controllers.set(edge, this.#begin(edge, gateway, source));
    this.#departures.settle(places, (edge, gateway) => this.#begin(edge, gateway, source, [gateway]));
    this.#departures.releaseDoomed(gateways.keys(), source.cluster);
    this.#tellEdges(new Set(gateways.keys()), changes.length > 0);
  }

  #gateways(): Map<ResourceId, Gateway> {
    const gateways = new Map<ResourceId, Gateway>();
    for (const resource of this.#resources.values())
      if (resource.kind === 'EdgeGateway') gateways.set(resourceId(resource.metadata), resource);
    return gateways;
  }

  #end(edge: ResourceId, gateway: Gateway, living: ReadonlySet<string>): void {
    const running = this.#controllers.get(edge);
    if (!running) return;
    this.#controllers.delete(edge);
    this.#departures.end(running, gateway, living);
  }

  /** @param more what the controller is to know beside the resources */
  #begin(
    edge: ResourceId,
    gateway: Gateway,
    { clusterUid, cluster }: OpenSource,
    more: readonly Resource[] = [],
  ): RunningController {
    const { fetch, clock, random, logger, sink, passes, shrink, cloudflareAPI, startSignals } = this.#options;
    const surroundings = { fetch, clock, random, logger, clusterUid };
    const knownGeneration = () => publishedGeneration(cluster?.stored(`EdgeGateway/${edge}`)?.status);
    const controller = new EdgeController({
      edge,
      clusterUid,
      shrink,
      compiler: createCompiler(edge),
      startSignals: startSignals && ((feed) => startSignals(edge, feed)),
      openPublisher: (target, floor) =>
        openPublisher(withAPI(target, cloudflareAPI), laterGeneration(floor, knownGeneration()), surroundings),
      sink,
      passes,
      logger,
      clock,
      random,
    });
    const stopping = new AbortController();
    controller.offer([...this.#resources.values(), ...more].map(asChange));
    // An eviction that is under way would take from what is published next.
    const ended = this.#departures
      .giveWay(placeOf(gateway))
      .then(() => controller.run(stopping.signal))
      .catch((error: unknown) => this.#failed.abort(error));
    return { edge, controller, stopping, ended };
  }

  #tellEdges(edges: ReadonlySet<ResourceId>, isChange: boolean): void {
    const { sink } = this.#options;
    const isSame = this.#edges?.size === edges.size && [...edges].every((edge) => this.#edges?.has(edge));
    if (isSame && (edges.size > 0 || !isChange)) return;
    if (edges.size === 0 && this.#edges?.size !== 0) sink.report({ type: 'no-edge' });
    this.#edges = edges;
    const unattached = edges.size === 0 ? [...this.#resources.values()] : [];
    sink.report({ type: 'edges', edges, unattached: new Generations().apply(unattached.map(asChange)) });
  }

  #tellProblems(problems: readonly Problem[]): void {
    if (problems === this.#problems || (problems.length === 0 && this.#problems.length === 0)) return;
    const { logger, sink } = this.#options;
    for (const { severity, file, line, column, resource, sentence } of problems)
      logger[severity === 'error' ? 'warn' : 'info'](sentence, { file, line, column, resource });
    this.#problems = problems;
    sink.report({ type: 'problems', problems });
  }
}

function asChange(resource: Resource): SnapshotChange {
  return { type: 'Set', resource };
}

/** Where Cloudflare's API stands is the agent's to know: no resource says it. */
function withAPI(target: PublishTarget, apiURL: string | undefined): PublishTarget {
  const { way } = target;
  return apiURL === undefined || way.type !== 'CloudflareKV' ? target : { ...target, way: { ...way, apiURL } };
}
