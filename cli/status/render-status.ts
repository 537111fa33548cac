import { styleText } from 'node:util';
import type { HubState, ServedRevision } from '../../contract/publish-api.ts';
import { age } from '../age.ts';
import { isolatesOf } from '../isolates-of.ts';
import { renderVerbs } from '../edges/change-counts.ts';
import { renderEdgeTitle, renderFolder, renderHeld } from '../edges/render-edge.ts';
import type { OperatedFolder } from '../edges/operated-folder.ts';
import type { AskedEdge, SilentEdge } from './edge-status.ts';
import type { EdgeStatus } from './run-status.ts';

/** Beyond this many resources the rest is counted. */
const LISTED_RESOURCES = 40;

export function renderStatus(folder: OperatedFolder, statuses: readonly EdgeStatus[]): string {
  return [...renderFolder(folder), ...statuses.flatMap((status) => ['', ...renderEdgeStatus(folder, status)])]
    .join('\n')
    .replace(/^\n+/, '');
}

function renderEdgeStatus(folder: OperatedFolder, { edge, status }: EdgeStatus): string[] {
  const title = renderEdgeTitle(edge, folder);
  if ('failure' in status) return [title, ...renderSilence(status)];
  return [title, ...renderTables(status), ...renderFolderSide(folder, status), '', ...renderResources(status)];
}

function row(word: string, text: string): string {
  return `  ${word.padEnd(9)} ${text}`;
}

function renderSilence({ failure, unsigned }: SilentEdge): string[] {
  return [
    row(styleText('red', 'not asked'), failure),
    ...(unsigned ? [row('isolate', `all the same one answers, and ${renderProbe(unsigned)}`)] : []),
  ];
}

function renderTables({ held, serving, refused, conflicts, probe }: AskedEdge): string[] {
  const isolates = serving.reduce((sum, { count }) => sum + count, 0);
  return [
    row('hub', `${renderHeld(held, Date.now())}${held ? `, signed by ${held.kid}` : ''}`),
    ...serving.map((served, index) => row(index === 0 ? 'served' : '', renderServed(served, isolates, held?.revision))),
    ...(serving.length === 0 ? [row('served', 'by no isolate that was heard of')] : []),
    row('asked now', `an isolate ${renderProbe(probe)}`),
    ...refused.map(({ revision, reason, count }) =>
      row(styleText('red', 'refused'.padEnd(9)), `${revision} by ${count} of them: ${reason}`),
    ),
    ...conflicts.map((conflict) =>
      row(
        styleText('yellow', 'conflict'.padEnd(9)),
        `route ${conflict.route} gives way to ${conflict.with.route} of cluster ${conflict.with.cluster}`,
      ),
    ),
  ];
}

function renderServed({ revision, count, ageMs }: HubState['serving'][number], all: number, held?: string): string {
  const heard = `heard of ${age(ageMs)} ago`;
  if (revision === null) return `${styleText('yellow', 'nothing')} by ${count} of ${isolatesOf(all)}, ${heard}`;
  return `${styleText(revision === held ? 'green' : 'yellow', revision)} by ${count} of ${isolatesOf(all)}, ${heard}`;
}

function renderProbe({ revision, confirmed }: ServedRevision): string {
  if (revision === null) return 'serves nothing of this cluster';
  return `serves ${revision}${confirmed ? ', confirmed by the hub' : '; it could not ask the hub'}`;
}

function renderFolderSide({ dir }: OperatedFolder, { changes, guards, warnings }: AskedEdge): string[] {
  const folder =
    changes.length === 0
      ? 'says what the hub holds'
      : `says something else: ${renderVerbs(changes)} (\`fairlead diff ${dir}\`)`;
  return [
    row('folder', folder),
    ...guards.map(({ reason, sentence }) => row(styleText('yellow', 'held back'), `${reason}: ${sentence}`)),
    ...warnings.map((sentence) => row(styleText('yellow', 'warning'.padEnd(9)), sentence)),
  ];
}

function renderResources({ programmed, missing }: AskedEdge): string[] {
  const served = [...programmed.values()].filter(({ status }) => status === 'True').length;
  const unused = programmed.size - served - missing.length;
  const listed = missing
    .slice(0, LISTED_RESOURCES)
    .flatMap(({ resource, because }) => [
      `  ${styleText('red', 'not programmed')}  ${resource}`,
      ...because.map(({ type, status, reason, message }) => `      ${type}=${status} ${reason}: ${message}`),
    ]);
  const more = missing.length - LISTED_RESOURCES;
  return [
    ...listed,
    ...(more > 0 ? [`  and ${more} more`] : []),
    styleText(
      'dim',
      `  ${served} of ${programmed.size} resources are programmed${unused === 0 ? '' : `; ${unused} are not published, because nothing refers to them`}`,
    ),
  ];
}
