import type { StatusCondition } from './stored-status.ts';

/** What an Event says of a resource. */
export interface TransitionEvent {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly note: string;
  /** What the agent was about when it found this out. */
  readonly action: 'Compile' | 'Publish';
}

/**
 * The Events that a change of conditions is worth: what a person would want to find in `kubectl describe`.
 *
 * | the condition becomes                                          | Event                                            |
 * |----------------------------------------------------------------|--------------------------------------------------|
 * | Programmed True                                                | Normal                                           |
 * | Accepted or ResolvedRefs True, after it was not                | Normal                                           |
 * | False, or False for another reason                             | Warning; Normal where somebody asked for it      |
 * | False/Pending or False/BackendPending, or Unknown              | none: it is on its way                           |
 * | Programmed False/NotShipped, and was not True                  | none: it has not been anywhere                   |
 */
export function transitionEvents(
  before: readonly StatusCondition[],
  after: readonly StatusCondition[],
): readonly TransitionEvent[] {
  return after.flatMap((condition) => {
    const known = before.find(({ type }) => type === condition.type);
    return known?.status === condition.status && known.reason === condition.reason ? [] : transition(known, condition);
  });
}

/** Programmed is False for these because somebody wants it so. */
const WANTED: readonly string[] = ['Suspended', 'Pinned'];

function transition(known: StatusCondition | undefined, condition: StatusCondition): readonly TransitionEvent[] {
  const { type, status, reason, message: note } = condition;
  const isProgrammed = type === 'Programmed';
  const action = isProgrammed ? 'Publish' : 'Compile';
  if (status === 'True') {
    if (known?.status === 'True' || (!isProgrammed && !known)) return [];
    return [{ type: 'Normal', reason, note, action }];
  }
  if (status !== 'False' || reason === 'Pending' || reason === 'BackendPending') return [];
  if (isProgrammed && reason === 'NotShipped' && known?.status !== 'True') return [];
  return [{ type: isProgrammed && WANTED.includes(reason) ? 'Normal' : 'Warning', reason, note, action }];
}
