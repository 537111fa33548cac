import { abortReason, systemClock, type Clock } from './clock.ts';
import { createCompiler } from './compile/compile.ts';
import { EdgeController } from './controller.ts';
import type { Logger } from './log.ts';
import { openPublisher } from './publish/open-publisher.ts';
import { applyChange, resourceId, type ResourceId, type ResourceKey, type SnapshotChange } from './snapshot.ts';
import type { Resource } from '../crds/parse-resource.ts';
import type { OpenSource, Problem, ResourceSource } from './source/source.ts';
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

interface RunningController {
  readonly controller: EdgeController;
  readonly stopping: AbortController;
  readonly ended: Promise<void>;
}

/** Reads the source, and hands what changed to the controllers of all EdgeGateways, of which each has its own pace. */
class RunningAgent {
  readonly #options: Required<AgentOptions>;
  readonly #wake = new Wake();
  readonly #resources = new Map<ResourceKey, Resource>();
  readonly #controllers = new Map<ResourceId, RunningController>();
  readonly #failed = new AbortController();
  #problems: readonly Problem[] = [];
  #hasEdge: boolean | undefined;

  constructor(options: AgentOptions) {
    this.#options = {
      fetch: globalThis.fetch,
      clock: systemClock,
      random: Math.random,
      debounceMs: 40,
      maximumWaitMs: 400,
      resyncMs: 30_000,
      ...options,
    };
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
      source.close();
      for (const { stopping } of this.#controllers.values()) stopping.abort(new Error('stopped'));
      await Promise.all([...this.#controllers.values()].map(({ ended }) => ended));
    }
    if (this.#failed.signal.aborted) throw abortReason(this.#failed.signal);
  }

  async #loop(source: OpenSource, signal: AbortSignal): Promise<void> {
    const { clock, debounceMs, maximumWaitMs, resyncMs } = this.#options;
    while (!signal.aborted) {
      const { changes, problems } = await source.observe();
      this.#tellProblems(problems);
      this.#route(changes, source.clusterUid);
      const isChange = await this.#wake.sleep(resyncMs, clock, signal);
      if (isChange) await this.#wake.settle({ quietMs: debounceMs, maximumMs: maximumWaitMs }, clock, signal);
      else for (const { controller } of this.#controllers.values()) controller.refresh();
    }
  }

  #route(changes: readonly SnapshotChange[], clusterUid: string): void {
    for (const change of changes) applyChange(this.#resources, change);
    const gateways = new Set<ResourceId>();
    for (const { kind, metadata } of this.#resources.values())
      if (kind === 'EdgeGateway') gateways.add(resourceId(metadata));
    for (const [edge, running] of this.#controllers)
      if (!gateways.has(edge)) {
        // The edge keeps its last table.
        this.#controllers.delete(edge);
        running.stopping.abort(new Error(`EdgeGateway ${edge} is gone`));
      }
    if (changes.length > 0) for (const { controller } of this.#controllers.values()) controller.offer(changes);
    for (const edge of gateways) if (!this.#controllers.has(edge)) this.#begin(edge, clusterUid);
    if (gateways.size === 0 && this.#hasEdge !== false) this.#options.sink.report({ type: 'no-edge' });
    this.#hasEdge = gateways.size > 0;
  }

  #begin(edge: ResourceId, clusterUid: string): void {
    const { fetch, clock, random, logger, sink } = this.#options;
    const controller = new EdgeController({
      edge,
      clusterUid,
      compiler: createCompiler(edge),
      openPublisher: (target, floor) => openPublisher(target, floor, { fetch, clock, random, logger, clusterUid }),
      sink,
      logger,
      clock,
      random,
    });
    const stopping = new AbortController();
    controller.offer([...this.#resources.values()].map((resource) => ({ type: 'Set', resource })));
    const ended = controller.run(stopping.signal).catch((error: unknown) => this.#failed.abort(error));
    this.#controllers.set(edge, { controller, stopping, ended });
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
