import { createHash } from 'node:crypto';
import type { Clock } from './clock.ts';
import { heldSightings, type HeldServices } from './inference/held-sightings.ts';
import {
  edgeSighting,
  PARALLEL_LOOKS,
  placeIn,
  sightingMetadata,
  type Sighting,
  type SightingWanted,
} from './inference/sighting.ts';
import type { Logger } from './log.ts';
import { backoffMs, type Backoff } from './publish/backoff.ts';
import { PublishFailure, type PublishFault } from './publish/publish-failure.ts';
import type { Publisher } from './publish/publisher.ts';
import { resourceKey, type ResourceId, type SnapshotChange } from './snapshot.ts';

export interface SighterOptions {
  /** The EdgeGateway. */
  readonly edge: ResourceId;
  /** What became known; called outside of every pass. */
  readonly onSightings: (changes: readonly SnapshotChange[]) => void;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random: () => number;
}

/** Pauses between looks that saw nothing, or could not be asked for. */
const REPEATS: Backoff = { firstMs: 5000, longestMs: 60_000 };

/** One thing that is wanted, until it is seen. */
interface Look {
  readonly wanted: SightingWanted;
  readonly stopping: AbortController;
  phase: 'Due' | 'Asking' | 'Resting' | 'Done';
  /** Milliseconds since the epoch. */
  dueAt: number;
  failures: number;
  /** Whether anything can be said: an answer, or that there was none in time. */
  isSettled: boolean;
}

interface Told {
  /** Of what was asked. */
  readonly digest: string;
  readonly type: Sighting['type'];
  /** A digest of the answer, to compare: a server may list very many models. */
  readonly answer: string;
}

/**
 * Asks one edge which models answer behind the services that it would be led to, and tells what it saw. What was seen
 * is never asked again; what was not is, with pauses, for as long as it is wanted. An edge that cannot be asked yields
 * nothing, so that what it said before stays.
 */
export class Sighter {
  readonly #options: SighterOptions;
  readonly #looks = new Map<string, Look>();
  /** What was told last, by id. */
  readonly #told = new Map<string, Told>();
  #publisher: Pick<Publisher, 'look'> | undefined;
  #held: HeldServices | undefined;
  #alarm = new AbortController();
  #waiting: { readonly done: () => void; readonly fail: (failure: PublishFailure) => void } | undefined;

  constructor(options: SighterOptions) {
    this.#options = options;
  }

  /** What is wanted from now on, by provider id. Digests that were not wanted before are asked at once. */
  want(wanted: ReadonlyMap<string, SightingWanted>, publisher: Pick<Publisher, 'look'>): void {
    this.#publisher = publisher;
    for (const [id, look] of this.#looks) {
      if (isStillWanted(look, wanted.get(id))) continue;
      look.stopping.abort(new Error('no longer wanted'));
      this.#looks.delete(id);
    }
    this.#forget([...this.#told.keys()].filter((id) => !wanted.has(id)));
    this.#remember(wanted);
    for (const [id, one] of wanted) if (!one.isOnlyKept && !this.#looks.has(id)) this.#looks.set(id, this.#due(one));
    this.#pump();
  }

  /**
   * Another edge is asked from now on: everything is looked at anew, and meanwhile what was told stays.
   *
   * @param held what it serves: where nothing was told yet, that is in use until it has looked, and one look in vain takes
   *   nothing away
   */
  startOver(held?: HeldServices): void {
    for (const { stopping } of this.#looks.values()) stopping.abort(new Error('another edge is asked'));
    this.#looks.clear();
    this.#held = held;
  }

  /**
   * Waits until everything that is wanted was answered, `deadlineMs` at most: what was not by then is told as Unasked,
   * unless something was told of it before.
   *
   * @throws {PublishFailure} at once, where nothing at all could be published to the edge either
   */
  async settle(deadlineMs: number, signal: AbortSignal): Promise<void> {
    if (this.#isSettled()) return;
    const { clock } = this.#options;
    const over = new AbortController();
    try {
      await Promise.race([
        new Promise<void>((done, fail) => {
          this.#waiting = { done, fail };
        }),
        clock.wait(deadlineMs, AbortSignal.any([signal, over.signal])),
      ]);
    } finally {
      this.#waiting = undefined;
      over.abort(new Error('settled'));
    }
    for (const look of this.#looks.values()) {
      if (look.isSettled) continue;
      look.isSettled = true;
      if (!this.#told.has(look.wanted.id)) this.#tell(look.wanted, { type: 'Unasked' });
    }
  }

  stop(): void {
    this.startOver();
    this.#alarm.abort(new Error('stopped'));
  }

  #remember(wanted: ReadonlyMap<string, SightingWanted>): void {
    if (!this.#held) return;
    for (const [id, sighting] of heldSightings(this.#held, wanted.values())) {
      const digest = wanted.get(id)?.digest;
      if (digest !== undefined && !this.#told.has(id)) this.#hand({ id, digest: `${placeIn(digest)}-held` }, sighting);
    }
    this.#held = undefined;
  }

  #due(wanted: SightingWanted): Look {
    const dueAt = this.#options.clock.now();
    return { wanted, stopping: new AbortController(), phase: 'Due', dueAt, failures: 0, isSettled: false };
  }

  /** Begins what is due, as far as there is room, and wakes again when the next is. */
  #pump(): void {
    const { clock } = this.#options;
    const now = clock.now();
    const looks = [...this.#looks.values()];
    for (const look of looks) if (look.phase === 'Resting' && look.dueAt <= now) look.phase = 'Due';
    const room = PARALLEL_LOOKS - looks.filter(({ phase }) => phase === 'Asking').length;
    for (let left = room; left > 0; left--) {
      const look = nextOf(looks);
      if (!look) break;
      void this.#ask(look);
    }
    this.#alarm.abort(new Error('set anew'));
    const next = Math.min(...looks.filter(({ phase }) => phase === 'Resting').map(({ dueAt }) => dueAt));
    if (next === Number.POSITIVE_INFINITY) return;
    this.#alarm = new AbortController();
    clock.wait(Math.max(1, next - now), this.#alarm.signal).then(
      () => this.#pump(),
      () => undefined,
    );
  }

  /** Does not throw. */
  async #ask(look: Look): Promise<void> {
    const { wanted, stopping } = look;
    look.phase = 'Asking';
    try {
      const sighting = await this.#publisher?.look(wanted, stopping.signal);
      if (!sighting || stopping.signal.aborted) return;
      look.isSettled = true;
      if (sighting.type === 'Seen') look.phase = 'Done';
      else this.#rest(look, 0);
      if (!this.#isDoubtful(look, sighting)) this.#tell(wanted, sighting);
    } catch (error) {
      if (stopping.signal.aborted) return;
      this.#rest(look, error instanceof PublishFailure ? (error.retryAfterMs ?? 0) : REPEATS.longestMs);
      this.#notAsked(look, error);
    } finally {
      this.#pump();
      if (this.#isSettled()) this.#waiting?.done();
    }
  }

  /**
   * What was seen before a change is in use: pods that are being replaced may refuse a call, and that alone must take
   * nothing away. The second look counts.
   */
  #isDoubtful({ wanted: { id, digest }, failures }: Look, sighting: Sighting): boolean {
    const told = this.#told.get(id);
    if (sighting.type !== 'NotSeen' || failures > 1 || told === undefined) return false;
    return told.type === 'Seen' && told.digest !== digest;
  }

  #rest(look: Look, leastMs: number): void {
    const { clock, random } = this.#options;
    look.phase = 'Resting';
    look.dueAt = clock.now() + Math.max(leastMs, backoffMs(REPEATS, look.failures, random));
    look.failures += 1;
  }

  #notAsked({ wanted: { id }, failures }: Look, error: unknown): void {
    const { logger, edge } = this.#options;
    const reason = error instanceof Error ? error.message : String(error);
    logger[failures === 1 ? 'warn' : 'debug']('the edge could not be asked what it sees of a service', {
      edge,
      provider: id,
      reason,
    });
    if (error instanceof PublishFailure && preventsAll(error.fault)) this.#waiting?.fail(error);
  }

  #tell(wanted: SightingWanted, sighting: Sighting): void {
    const { logger, edge } = this.#options;
    if (this.#hand(wanted, sighting))
      logger.info('the edge looked at a service', { edge, provider: wanted.id, ...logged(sighting) });
  }

  /** Returns whether it is news. */
  #hand(wanted: Pick<SightingWanted, 'id' | 'digest'>, sighting: Sighting): boolean {
    const { id, digest } = wanted;
    const answer = createHash('sha256').update(JSON.stringify(sighting)).digest('base64');
    const before = this.#told.get(id);
    if (before?.digest === digest && before.answer === answer) return false;
    this.#told.set(id, { digest, type: sighting.type, answer });
    this.#options.onSightings([{ type: 'Set', resource: edgeSighting(wanted, sighting) }]);
    return true;
  }

  #forget(ids: readonly string[]): void {
    for (const id of ids) this.#told.delete(id);
    if (ids.length > 0)
      this.#options.onSightings(
        ids.map((id) => ({
          type: 'Delete',
          key: resourceKey({ kind: 'EdgeSighting', metadata: sightingMetadata(id) }),
        })),
      );
  }

  #isSettled(): boolean {
    return [...this.#looks.values()].every(({ isSettled }) => isSettled);
  }
}

function isStillWanted({ wanted: { digest }, phase }: Look, next: SightingWanted | undefined): boolean {
  return next?.digest === digest && (!next.isOnlyKept || phase === 'Done');
}

/**
 * Whose turn it is. What does not answer takes seconds, and is asked again and again: however much of that one namespace
 * has, it keeps nobody else waiting.
 */
function nextOf(looks: readonly Look[]): Look | undefined {
  const asking = new Map<string, number>();
  for (const { phase, wanted } of looks)
    if (phase === 'Asking') asking.set(namespaceOf(wanted), (asking.get(namespaceOf(wanted)) ?? 0) + 1);
  const load = ({ wanted }: Look): number => asking.get(namespaceOf(wanted)) ?? 0;
  const [next] = looks
    .filter(({ phase }) => phase === 'Due')
    .toSorted((a, b) => load(a) - load(b) || a.failures - b.failures || a.dueAt - b.dueAt);
  return next;
}

function namespaceOf({ id }: SightingWanted): string {
  return sightingMetadata(id).namespace;
}

function logged(sighting: Sighting): { readonly saw: string } {
  switch (sighting.type) {
    case 'Seen':
      return { saw: `${sighting.models.length} models under ${sighting.path}/models` };
    case 'NotSeen':
      return { saw: sighting.sentence };
    case 'Unasked':
      return { saw: 'not asked' };
  }
}

/** Faults of the edge as a whole: a plan would meet them too, so that there is nothing to wait for. */
function preventsAll(fault: PublishFault): boolean {
  switch (fault) {
    case 'unreachable':
    case 'unauthorized':
    case 'not-an-edge':
    case 'unusable-key':
    case 'superseded':
      return true;
    case 'timeout':
    case 'edge-failing':
    case 'outdated-edge':
    case 'not-accepted':
    case 'refused':
    case 'store-failing':
    case 'store-refuses':
    case 'not-arrived':
    case 'in-inbox':
      return false;
  }
}
