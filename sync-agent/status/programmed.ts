import type { HubState, ServedRevision } from '../../contract/publish-api.ts';
import type { Compilation, Condition, EntryRef } from '../compile/compilation.ts';
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
  /** The revision that holds everything as compiled; none while it could not be published. */
  readonly revision: string | undefined;
  readonly word: EdgeWord | undefined;
  /** Why the last pass did not reach the edge. */
  readonly failure: string | undefined;
}

/**
 * The condition Programmed of everything that concerns an edge, from what the edge has said.
 *
 * | the resource                                                    | Programmed            |
 * |-----------------------------------------------------------------|-----------------------|
 * | is compiled to nothing                                          | False, NotShipped     |
 * | is held as compiled by every revision that is being served      | True                  |
 * | is not, and the last pass did not reach the edge                | False, PublishFailed  |
 * | is not, and the edge has not been heard of                      | Unknown, Pending      |
 * | is not yet                                                      | False, Pending        |
 *
 * For the EdgeGateway itself, everything that is compiled counts as its own.
 */
export function programmedConditions(input: ProgrammedInput): Map<ResourceKey, Condition> {
  const { edge, compilation } = input;
  const conditions = new Map<ResourceKey, Condition>();
  const shared = new SharedConditions(input);
  for (const key of compilation.conditions.keys()) {
    const isGateway = key === `EdgeGateway/${edge}`;
    const entries = compilation.entries.get(key);
    if (!isGateway && entries === undefined) conditions.set(key, shared.notShipped);
    else conditions.set(key, isServed(input, isGateway ? undefined : entries) ? shared.served : shared.missing);
  }
  return conditions;
}

/** @param entries none: everything */
function isServed({ word, revision, history }: ProgrammedInput, entries: readonly EntryRef[] | undefined): boolean {
  if (!word) return false;
  const served = [
    word.state.current?.revision ?? null,
    word.probe.revision,
    ...word.state.serving.map((isolate) => isolate.revision),
  ];
  return served.every(
    (one) =>
      one !== null && (entries === undefined ? one === revision : one === revision || history.holds(one, entries)),
  );
}

/** One object for each outcome: a table of 10,000 resources has 10,000 conditions, and few things to say. */
class SharedConditions {
  readonly notShipped: Condition;
  readonly served: Condition;
  readonly missing: Condition;

  constructor({ edge, revision, word, failure }: ProgrammedInput) {
    this.notShipped = {
      type: 'Programmed',
      status: 'False',
      reason: 'NotShipped',
      message: `The table of EdgeGateway ${edge} does not hold it: see its other conditions.`,
    };
    this.served = {
      type: 'Programmed',
      status: 'True',
      reason: 'Programmed',
      message: `EdgeGateway ${edge} serves it.`,
    };
    this.missing = missing(edge, revision, word, failure);
  }
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
