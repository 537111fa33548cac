import { styleText } from 'node:util';
import { isolatesOf } from '../isolates-of.ts';
import { duration } from '../dev/duration.ts';
import { renderChange } from '../diff/render-diff.ts';
import { renderVerbs } from '../edges/change-counts.ts';
import type { OperatedResources } from '../edges/operated-resources.ts';
import { renderEdgeTitle } from '../edges/render-edge.ts';
import { placeArguments, placeName } from '../places/place.ts';
import { returningKeys } from './returning-keys.ts';
import type { Rollback } from './run-rollback.ts';
import type { Waited } from './wait-until-served.ts';

/** Said before anything is waited for. */
export function renderRollback(
  operated: OperatedResources,
  { edge, at, from, to, changes, changed }: Rollback,
): string {
  const returning = to === undefined ? [] : returningKeys(changes);
  const what =
    to === undefined
      ? `  from revision ${from} forward to what ${placeName(operated.place)} says`
      : `  from revision ${from} back to ${styleText('bold', to)}, with the providers' secrets of now`;
  const edit = to === undefined ? 'spec.pinnedRevision is taken away in' : `spec.pinnedRevision is ${to} in`;
  return [
    renderEdgeTitle(edge, operated),
    what,
    '',
    ...changes.flatMap((change) => renderChange(change, [])),
    changes.length === 0 ? '  No resource differs.' : `  ${renderVerbs(changes)}.`,
    ...(returning.length === 0
      ? []
      : [
          '',
          `  ${styleText('yellow', 'warning')}: keys that were taken away since would be accepted again:`,
          ...returning.map((key) => `    ${key}`),
        ]),
    ...(edge.gateway.spec.suspend
      ? ['', `  ${styleText('yellow', 'Suspended')}: nothing is published while spec.suspend is true.`]
      : []),
    '',
    `${edit} ${styleText('bold', at.name)}${changed ? '' : ' already'}.`,
  ].join('\n');
}

/** Said at the end. */
export function renderWaited(
  { place }: OperatedResources,
  { edge, at, to }: Rollback,
  waited: Waited | undefined,
): string {
  const undo = to === undefined ? '' : ` To go forward again: fairlead rollback${placeArguments(place)} --undo`;
  const apply = at.file === null ? '' : `: where the cluster holds the resources, run kubectl apply -f ${at.file}`;
  if (!waited) return `The agent carries it out when it sees ${at.file === null ? 'it' : 'the file'}${apply}.${undo}`;
  const status = `\`fairlead status${placeArguments(place)}\``;
  switch (waited.type) {
    case 'Served':
      return `${styleText('green', 'served')}: revision ${waited.revision}, by ${isolatesOf(waited.isolates)}, all that were heard of, after ${duration(waited.afterMs)}.${undo}`;
    case 'Patience':
      return waited.isAdmitted
        ? `The edge has it, and after ${duration(waited.afterMs)} not every isolate serves it yet: see ${status}.`
        : `After ${duration(waited.afterMs)} no agent has published it: ${whoPublishes(at)} ${status} says what EdgeGateway ${edge.id} serves.`;
  }
}

function whoPublishes({ file }: Rollback['at']): string {
  if (file === null) return 'does one lead?';
  return `does one watch this folder? Where the cluster holds the resources, run kubectl apply -f ${file}.`;
}
