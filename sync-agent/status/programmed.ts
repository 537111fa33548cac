import type { HubState, ServedRevision } from '../../contract/publish-api.ts';
import type { Compilation, Condition, EntryRef } from '../compile/compilation.ts';
import type { Hold } from '../guards/hold.ts';
import type { ResourceKey } from '../snapshot.ts';
import type { RevisionHistory } from './revision-history.ts';

/** What the edge has said last. */
export interface EdgeWord {
  readonly probe: ServedRevision;
  readonly state: HubState;
}

/** How far the edge is with one revision. */
export interface Spread {
  /** The hub, the probe and every isolate that was heard of are there. */
  readonly everywhere: boolean;
  /** Isolates that were heard of, and those of them that serve it. */
  readonly isolates: number;
  readonly serving: number;
  /** Why isolates refused it, where any did. */
  readonly refusals: readonly string[];
}

export function spreadOf(revision: string, { probe, state }: EdgeWord): Spread {
  const isolates = total(state.serving);
  const serving = total(state.serving.filter((isolate) => isolate.revision === revision));
  const refusals = state.refused.filter((refused) => refused.revision === revision).map(({ reason }) => reason);
  const everywhere = state.current?.revision === revision && probe.revision === revision && serving === isolates;
  return { everywhere, isolates, serving, refusals };
}

function total(isolates: HubState['serving']): number {
  return isolates.reduce((sum, { count }) => sum + count, 0);
}

export interface ProgrammedInput {
  readonly edge: string;
  readonly compilation: Pick<Compilation, 'conditions' | 'entries'>;
  readonly history: Pick<RevisionHistory, 'holds'>;
  /** The revision that the last pass left at the edge; none while it is not known. */
  readonly revision: string | undefined;
  /** Whether that revision holds everything as compiled. */
  readonly isWhole: boolean;
  /** What keeps the edge from what is compiled. */
  readonly hold: Hold | undefined;
  readonly word: EdgeWord | undefined;
  /** Why the last pass did not reach the edge. */
  readonly failure: string | undefined;
}

/**
 * The condition Programmed of everything that concerns an edge, from what the edge has said.
 *
 * | the resource                                                      | Programmed                          |
 * |-------------------------------------------------------------------|-------------------------------------|
 * | is compiled to nothing                                            | False, NotShipped                   |
 * | is held as compiled by every revision that is being served        | True                                |
 * | the same, and gives way to a route of another cluster             | False, Conflicted                   |
 * | is not, and the last pass did not reach the edge                  | False, PublishFailed                |
 * | is not, for something keeps what is compiled of it from the edge  | False, with the reason of the hold  |
 * | is not, and the edge has not been heard of                        | Unknown, Pending                    |
 * | is not yet                                                        | False, Pending                      |
 *
 * For the EdgeGateway itself, everything that is compiled counts as its own, but for conflicts: its table is served.
 */
export function programmedConditions(input: ProgrammedInput): Map<ResourceKey, Condition> {
  const { edge, compilation } = input;
  const conditions = new Map<ResourceKey, Condition>();
  const shared = new SharedConditions(input);
  const conflicts = conflictsIn(input);
  for (const [key, list] of compilation.conditions) {
    const isGateway = key === `EdgeGateway/${edge}`;
    const own = compilation.entries.get(key);
    const entries = isGateway ? undefined : own;
    if (!isGateway && own === undefined) conditions.set(key, isSound(list) ? shared.unused : shared.notShipped);
    else if (isServed(input, entries))
      conditions.set(key, isGateway ? shared.servedGateway : (conflicts.get(key) ?? shared.served));
    else if (isHeldBack(input, entries)) conditions.set(key, isGateway ? shared.heldGateway : shared.held);
    else conditions.set(key, shared.missing);
  }
  return conditions;
}

function isSound(conditions: readonly Condition[]): boolean {
  return conditions.every(({ status }) => status === 'True');
}

/** @param entries none: everything */
function isServed(
  { word, revision, isWhole, history }: ProgrammedInput,
  entries: readonly EntryRef[] | undefined,
): boolean {
  if (!word) return false;
  const whole = isWhole ? revision : undefined;
  const served = [
    word.state.current?.revision ?? null,
    word.probe.revision,
    ...word.state.serving.map((isolate) => isolate.revision),
  ];
  return served.every(
    (one) => one !== null && (one === whole || (entries !== undefined && history.holds(one, entries))),
  );
}

/** Whether the revision that the edge was left at lacks it: then nothing of it is on its way. */
function isHeldBack(
  { hold, failure, revision, isWhole, history }: ProgrammedInput,
  entries: readonly EntryRef[] | undefined,
): boolean {
  if (!hold || failure !== undefined) return false;
  if (revision === undefined) return true;
  return entries === undefined ? !isWhole : !history.holds(revision, entries);
}

function conflictsIn({ word }: ProgrammedInput): ReadonlyMap<ResourceKey, Condition> {
  return new Map(
    (word?.state.conflicts ?? []).map(({ route, with: other }) => [
      `GatewayRoute/${route}`,
      {
        type: 'Programmed',
        status: 'False',
        reason: 'Conflicted',
        message:
          `Route ${other.route} of cluster ${other.cluster}, which the edge lists earlier in FAIRLEAD_CLUSTERS, claims ` +
          'the same, all of it or a part, and is served there: change the hostnames, the path, the headers or the ' +
          'models of one of the two.',
      },
    ]),
  );
}

/** One object for each outcome: a table of 10,000 resources has 10,000 conditions, and few things to say. */
class SharedConditions {
  readonly notShipped: Condition;
  readonly unused: Condition;
  readonly served: Condition;
  readonly servedGateway: Condition;
  readonly held: Condition;
  readonly heldGateway: Condition;
  readonly missing: Condition;

  constructor({ edge, revision, isWhole, word, hold, failure }: ProgrammedInput) {
    this.notShipped = {
      type: 'Programmed',
      status: 'False',
      reason: 'NotShipped',
      message: `The table of EdgeGateway ${edge} does not hold it: see its other conditions.`,
    };
    this.unused = { ...this.notShipped, message: `Nothing that is published to EdgeGateway ${edge} leads to it.` };
    this.served = {
      type: 'Programmed',
      status: 'True',
      reason: 'Programmed',
      message: `EdgeGateway ${edge} serves it.`,
    };
    this.servedGateway = { ...this.served, message: 'The edge serves what the resources say.' };
    this.heldGateway = heldBack(hold, hold?.reason);
    // Which revisions there are is the EdgeGateway's affair; to all others it is a pin.
    this.held = heldBack(hold, hold?.reason === 'PinnedRevisionNotFound' ? 'Pinned' : hold?.reason);
    // What is compiled and not published yet has no revision of which isolates could be counted.
    this.missing = missing(edge, isWhole || hold ? revision : undefined, word, failure);
  }
}

function heldBack(hold: Hold | undefined, reason: Hold['reason'] = 'Suspended'): Condition {
  return { type: 'Programmed', status: 'False', reason, message: `Not published: ${hold?.sentence ?? ''}.` };
}

function missing(
  edge: string,
  revision: string | undefined,
  word: EdgeWord | undefined,
  failure: string | undefined,
): Condition {
  if (failure !== undefined)
    return { type: 'Programmed', status: 'False', reason: 'PublishFailed', message: `Not published: ${failure}.` };
  if (!word || revision === undefined)
    return {
      type: 'Programmed',
      status: 'Unknown',
      reason: 'Pending',
      message: `EdgeGateway ${edge} has not been heard of yet.`,
    };
  const { serving, isolates, refusals } = spreadOf(revision, word);
  const refused = refusals.length > 0 ? ` Isolates refuse it: ${refusals.join('; ')}.` : '';
  const message = `Revision ${revision} is served by ${serving} of ${isolates} isolates of EdgeGateway ${edge}.${refused}`;
  return { type: 'Programmed', status: 'False', reason: 'Pending', message };
}
