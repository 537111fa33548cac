import { generationName } from '../../contract/revision.ts';
import type { Clock } from '../clock.ts';
import type { Compilation, Condition } from '../compile/compilation.ts';
import type { SessionPublication } from '../edge-session.ts';
import type { Logger } from '../log.ts';
import { hashesOf, type HeldTable } from '../plan.ts';
import type { PublishFault } from '../publish/publish-failure.ts';
import type { Publisher } from '../publish/publisher.ts';
import type { ResourceId, ResourceKey } from '../snapshot.ts';
import { tableDifference } from '../table-difference.ts';
import { followRevision } from './follow-revision.ts';
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
  #compilation: Compilation | undefined;
  #programmed: ReadonlyMap<ResourceKey, Condition> = new Map();
  /** The revision that holds what is compiled. */
  #revision: string | undefined;
  #since = 0;
  #told: string | undefined;
  #word: EdgeWord | undefined;
  #failure: string | undefined;
  #following: { readonly revision: string; readonly stopping: AbortController } | undefined;

  constructor(options: EdgeReporterOptions) {
    this.#options = options;
  }

  compiled(compilation: Compilation): void {
    const { edge, sink } = this.#options;
    const before = this.#compilation;
    this.#compilation = compilation;
    if (before) {
      const bytes = new Map(Object.values(before.sections).flatMap((list) => list.map((b) => [b.sha256, b.bytes])));
      const hashes = hashesOf({ ...before.sections, secrets: [] });
      const difference = tableDifference(hashes, (hash) => bytes.get(hash), compilation.sections);
      if (difference.size > 0) this.#revision = undefined;
      this.#history.change(difference);
    }
    const { conditions, counts } = compilation;
    if (before?.conditions !== conditions) sink.report({ type: 'compiled', edge, conditions, counts });
  }

  published({ held, replaced, blobsPut, difference }: SessionPublication, publisher: Publisher): void {
    const { edge, sink, logger, clock } = this.#options;
    const { revision } = held;
    if (replaced && !this.#history.knows(replaced.revision)) this.#history.remember(replaced.revision, difference);
    this.#history.remember(revision, new Map());
    const changes = resourceChanges(difference, this.#compilation?.entries ?? new Map());
    const generation = generationName(held.pointer.generation);
    logger.info('published', { edge, revision, generation, blobs: blobsPut });
    sink.report({ type: 'published', edge, revision, generation, changes, blobs: blobsPut });
    this.#since = clock.now();
    this.#follow(revision, publisher);
  }

  /** The edge holds what is compiled. */
  unchanged({ revision }: HeldTable, publisher: Publisher): void {
    const { edge, sink, clock } = this.#options;
    const isNew = !this.#history.knows(revision);
    // What was compiled may have changed and changed back without a publication between.
    this.#history.remember(revision, new Map());
    if (isNew) {
      this.#since = clock.now();
      sink.report({ type: 'unchanged', edge, revision });
    }
    this.#follow(revision, publisher);
  }

  /** @param retryInMs null where there will be no other try */
  failed(code: PublishFault | 'internal', sentence: string, retryInMs: number | null): void {
    const { edge, sink, logger } = this.#options;
    this.#failure = sentence;
    this.#stopFollowing('the edge must be reached first');
    logger.warn('not published', { edge, code, reason: sentence, retryInMs });
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

  #follow(revision: string, publisher: Publisher): void {
    const { clock, random, logger, edge } = this.#options;
    this.#failure = undefined;
    this.#revision = revision;
    this.#tellProgrammed();
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
    const { everywhere, isolates } = spreadOf(revision, word);
    if (everywhere && this.#told !== revision) {
      this.#told = revision;
      const afterMs = clock.now() - this.#since;
      logger.info('served', { edge, revision, afterMs, isolates });
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
      word: this.#word,
      failure: this.#failure,
    });
    if (sameConditions(conditions, this.#programmed)) return;
    this.#programmed = conditions;
    sink.report({ type: 'programmed', edge, conditions });
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
