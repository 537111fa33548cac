import { isDeepStrictEqual } from 'node:util';
import { generationName } from '../../contract/revision.ts';
import type { Clock } from '../clock.ts';
import type { Compilation, Condition } from '../compile/compilation.ts';
import type { SessionPublication, Standing } from '../edge-session.ts';
import type { Hold } from '../guards/hold.ts';
import type { Logger } from '../log.ts';
import type { PassStep } from '../pass.ts';
import { hashesOf, type HeldTable } from '../plan.ts';
import type { PublishFault } from '../publish/publish-failure.ts';
import type { Publisher } from '../publish/publisher.ts';
import type { ResourceId, ResourceKey, SnapshotChange } from '../snapshot.ts';
import { tableDifference, type TableDifference } from '../table-difference.ts';
import { afterFailure, afterPass, afterWord, NOTHING_OBSERVED, type EdgeObservation } from './edge-observation.ts';
import { followRevision } from './follow-revision.ts';
import { Generations } from './generations.ts';
import { programmedConditions, spreadOf, type EdgeWord } from './programmed.ts';
import { resourceChanges } from './resource-changes.ts';
import { RevisionHistory } from './revision-history.ts';
import type { StatusSink } from './status-sink.ts';

export interface EdgeReporterOptions {
  readonly edge: ResourceId;
  readonly sink: StatusSink;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random: () => number;
}

/** Tells what becomes of one edge's table, and asks the edge until it is served. */
export class EdgeReporter {
  readonly #options: EdgeReporterOptions;
  readonly #history = new RevisionHistory();
  readonly #generationsOf = new Generations();
  #generations = this.#generationsOf.apply([]);
  #compilation: Compilation | undefined;
  #observation = NOTHING_OBSERVED;
  #programmedGenerations: unknown;
  #programmed: ReadonlyMap<ResourceKey, Condition> = new Map();
  /** The revision that the last pass left at the edge, and whether it holds everything as compiled. */
  #revision: string | undefined;
  #isWhole = false;
  #hold: Hold | undefined;
  #toldHold: string | undefined;
  #since = 0;
  /** The revision that was published since. */
  #published: string | undefined;
  #told: string | undefined;
  #word: EdgeWord | undefined;
  #failure: string | undefined;
  #following: { readonly revision: string; readonly stopping: AbortController } | undefined;

  constructor(options: EdgeReporterOptions) {
    this.#options = options;
  }

  /** @param changes what was compiled anew */
  compiled(compilation: Compilation, changes: readonly SnapshotChange[]): void {
    const before = this.#compilation;
    const generationsBefore = this.#generations;
    this.#compilation = compilation;
    this.#generations = this.#generationsOf.apply(changes);
    if (before) {
      const bytes = new Map(Object.values(before.sections).flatMap((list) => list.map((b) => [b.sha256, b.bytes])));
      const hashes = hashesOf({ ...before.sections, secrets: [] });
      const difference = tableDifference(hashes, (hash) => bytes.get(hash), compilation.sections);
      if (difference.size > 0) this.#isWhole = false;
      this.#history.change(difference);
    }
    const isSaid =
      before?.conditions === compilation.conditions &&
      before.services === compilation.services &&
      before.discovered === compilation.discovered &&
      generationsBefore === this.#generations;
    if (!isSaid) this.#tellCompiled(compilation);
  }

  published(publication: SessionPublication, standing: Standing, publisher: Publisher): void {
    const { edge, sink, logger, clock } = this.#options;
    const { held, replaced, blobsPut: blobs, difference, changes, warning } = publication;
    const { revision, pointer } = held;
    const { rollbackOf } = pointer;
    if (replaced && !this.#history.knows(replaced.revision))
      this.#history.remember(replaced.revision, new Map([...difference, ...standing.behind]));
    const generation = generationName(pointer.generation);
    logger.info('published', { edge, phase: 'publish', revision, generation, blobs, rollbackOf });
    if (warning !== undefined) {
      logger.warn(warning, { edge, phase: 'publish', revision });
      sink.report({ type: 'shrunk', edge, sentence: warning });
    }
    sink.report({
      type: 'published',
      edge,
      revision,
      generation,
      changes,
      blobs,
      ...(rollbackOf !== undefined && { rollbackOf }),
    });
    this.#since = clock.now();
    this.#published = revision;
    this.#stand(held, standing, publisher);
  }

  /** Nothing is to be published: the edge holds what it should, or something keeps the rest from it. */
  stayed(held: HeldTable | null, standing: Standing, publisher: Publisher): void {
    const { edge, sink, clock } = this.#options;
    if (held && !this.#history.knows(held.revision)) {
      this.#since = clock.now();
      if (!standing.hold) sink.report({ type: 'unchanged', edge, revision: held.revision });
    }
    this.#stand(held, standing, publisher);
  }

  /** The EdgeGateway is gone, and so is what it published. */
  evicted(): void {
    const { edge, sink, logger } = this.#options;
    logger.info('evicted', { edge });
    sink.report({ type: 'evicted', edge });
  }

  /**
   * @param retryInMs null where there will be no other try
   * @param phase the step of the pass that failed
   */
  failed(code: PublishFault | 'internal', sentence: string, retryInMs: number | null, phase?: PassStep): void {
    const { edge, sink, logger } = this.#options;
    this.#failure = sentence;
    this.#observe(afterFailure(this.#observation, sentence, this.#options.clock.now()));
    this.#stopFollowing('the edge must be reached first');
    logger.warn('not published', { edge, phase, revision: this.#revision, code, reason: sentence, retryInMs });
    sink.report({ type: 'failed', edge, code, sentence, retryInMs });
    this.#tellProgrammed();
  }

  /** There is nothing that could be published. */
  withheld(why: string): void {
    this.#failure = why;
    this.#tellProgrammed();
  }

  stop(): void {
    this.#stopFollowing('stopped');
  }

  /** Takes in how the edge now stands to what is compiled, and follows what it serves. */
  #stand(held: HeldTable | null, { hold, behind }: Standing, publisher: Publisher): void {
    // What was compiled may have changed and changed back without a publication between.
    if (held) this.#history.remember(held.revision, behind);
    this.#failure = undefined;
    this.#revision = held?.revision;
    this.#isWhole = held !== null && behind.size === 0;
    this.#hold = hold;
    this.#observe(afterPass(this.#observation, held));
    this.#tellHold(hold, behind);
    this.#tellProgrammed();
    if (held) this.#follow(held.revision, publisher);
    else this.#stopFollowing('the edge holds nothing');
  }

  #tellHold(hold: Hold | undefined, behind: TableDifference): void {
    const { edge, sink, logger } = this.#options;
    if (!hold) {
      if (this.#toldHold === undefined) return;
      this.#toldHold = undefined;
      logger.info('nothing is held any more', { edge });
      sink.report({ type: 'released', edge });
      return;
    }
    const { added, changed, removed } = resourceChanges(behind, this.#compilation?.entries ?? new Map());
    const waiting = [...added, ...changed, ...removed];
    const told = JSON.stringify([hold, waiting]);
    if (told === this.#toldHold) return;
    this.#toldHold = told;
    const { reason, sentence } = hold;
    logger.warn(`held: ${sentence}`, { edge, phase: 'plan', reason, waiting: waiting.length });
    sink.report({ type: 'held', edge, reason, sentence, waiting });
  }

  #follow(revision: string, publisher: Publisher): void {
    const { clock, random, logger, edge } = this.#options;
    if (this.#following?.revision === revision) return;
    this.#stopFollowing('another revision is followed');
    const stopping = new AbortController();
    const following = { revision, stopping };
    this.#following = following;
    const onWord = (word: EdgeWord) => {
      if (!stopping.signal.aborted) this.#hear(word, revision);
    };
    followRevision({ publisher, revision, clock, random, onWord }, stopping.signal)
      .catch((error: unknown) => {
        if (stopping.signal.aborted) return;
        logger.error('the edge is no longer asked what it serves', { edge, reason: String(error) });
      })
      .finally(() => {
        if (this.#following === following) this.#following = undefined;
      });
  }

  #stopFollowing(why: string): void {
    this.#following?.stopping.abort(new Error(why));
    this.#following = undefined;
  }

  #hear(word: EdgeWord, revision: string): void {
    const { edge, sink, logger, clock } = this.#options;
    this.#word = word;
    const publishedAt = this.#published === revision ? this.#since : undefined;
    this.#observe(afterWord(this.#observation, word, clock.now(), publishedAt));
    const { everywhere, isolates } = spreadOf(revision, word);
    if (everywhere && this.#told !== revision) {
      this.#told = revision;
      const afterMs = clock.now() - this.#since;
      logger.info('served', { edge, phase: 'report', revision, afterMs, isolates });
      sink.report({ type: 'served', edge, revision, afterMs, isolates });
    }
    this.#tellProgrammed();
  }

  #tellProgrammed(): void {
    const { edge, sink } = this.#options;
    if (!this.#compilation) return;
    const conditions = programmedConditions({
      edge,
      compilation: this.#compilation,
      history: this.#history,
      revision: this.#revision,
      isWhole: this.#isWhole,
      hold: this.#hold,
      word: this.#word,
      failure: this.#failure,
    });
    const generations = this.#generations;
    const isSaid = this.#programmedGenerations === generations && sameConditions(conditions, this.#programmed);
    if (isSaid) return;
    this.#programmed = conditions;
    this.#programmedGenerations = generations;
    sink.report({ type: 'programmed', edge, conditions, generations });
  }

  #tellCompiled({ conditions, counts, services, discovered }: Compilation): void {
    const { edge, sink } = this.#options;
    sink.report({ type: 'compiled', edge, conditions, counts, services, discovered, generations: this.#generations });
  }

  #observe(observation: EdgeObservation): void {
    const { edge, sink } = this.#options;
    if (isDeepStrictEqual(observation, this.#observation)) return;
    this.#observation = observation;
    sink.report({ type: 'observed', edge, observation });
  }
}

function sameConditions(a: ReadonlyMap<ResourceKey, Condition>, b: ReadonlyMap<ResourceKey, Condition>): boolean {
  if (a.size !== b.size) return false;
  for (const [key, { status, reason, message }] of a) {
    const other = b.get(key);
    if (other?.status !== status || other.reason !== reason || other.message !== message) return false;
  }
  return true;
}
