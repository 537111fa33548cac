import type { PublishGuards } from '../compile/compilation.ts';
import type { ResourceId } from '../snapshot.ts';

/** Why the edge does not get what is compiled: reasons of the condition Programmed. */
export type HoldReason = 'Suspended' | 'ShrinkHeld' | 'Pinned' | 'PinnedRevisionNotFound';

/** Something that keeps what is compiled from the edge on purpose. */
export interface Hold {
  readonly reason: HoldReason;
  /** Why, and what to do about it, without a full stop. */
  readonly sentence: string;
}

/** Where an EdgeGateway wants its edge to go. */
export type Intention =
  | { readonly type: 'Stay'; readonly hold: Hold }
  | { readonly type: 'GoBack'; readonly revision: string; readonly hold: Hold }
  | { readonly type: 'GoForward' };

/**
 * What the EdgeGateway says about publishing at all.
 *
 * | suspend | pinnedRevision | the edge                                                               |
 * |---------|----------------|------------------------------------------------------------------------|
 * | true    | any            | stays where it is                                                      |
 * | false   | given          | goes back to that revision, and stays there but for secrets that change |
 * | false   | none           | goes forward to what is compiled, unless that drops too much (shrink.ts) |
 */
export function intentionOf({ suspend, pinnedRevision }: PublishGuards, gateway: ResourceId): Intention {
  if (suspend)
    return {
      type: 'Stay',
      hold: {
        reason: 'Suspended',
        sentence: `EdgeGateway ${gateway} is suspended: take spec.suspend away to go on`,
      },
    };
  if (pinnedRevision === undefined) return { type: 'GoForward' };
  const sentence =
    `EdgeGateway ${gateway} is pinned to revision ${pinnedRevision}: take spec.pinnedRevision away to go on, as ` +
    '`fairlead rollback --undo` does';
  return { type: 'GoBack', revision: pinnedRevision, hold: { reason: 'Pinned', sentence } };
}

/** @param kept the revisions that the edge has, the newest first */
export function revisionNotFound(gateway: ResourceId, revision: string, kept: readonly string[]): Hold {
  const choice =
    kept.length === 0
      ? 'it keeps none: take spec.pinnedRevision away to publish what the resources say'
      : `it keeps ${kept.join(', ')}: pin EdgeGateway ${gateway} to one of these, or take spec.pinnedRevision away`;
  return {
    reason: 'PinnedRevisionNotFound',
    sentence: `the edge does not keep revision ${revision}, or not the whole of it; ${choice}`,
  };
}
