import { styleText } from 'node:util';
import type { HubState, ServedRevision } from '../../contract/publish-api.ts';
import type { ResourceKey } from '../../sync-agent/snapshot.ts';
import { age } from '../age.ts';
import { isolatesOf } from '../isolates-of.ts';
import { renderVerbs } from '../edges/change-counts.ts';
import { renderEdgeTitle, renderHeld, renderReading } from '../edges/render-edge.ts';
import type { OperatedResources } from '../edges/operated-resources.ts';
import { placeArguments, placeNoun } from '../places/place.ts';
import { renderAgent } from './render-agent.ts';
import type { AskedEdge, SilentEdge } from './edge-status.ts';
import type { EdgeStatus, PlaceStatus } from './run-status.ts';
import type { WrittenStatuses } from './written-status.ts';

/** Beyond this many resources the rest is counted. */
const LISTED_RESOURCES = 40;

export function renderStatus({ operated, agent, edges, written }: PlaceStatus): string {
  return [
    ...renderReading(operated),
    ...(agent ? [renderAgent(agent, Date.now())] : []),
    ...edges.flatMap((status) => ['', ...renderEdgeStatus(operated, status)]),
    ...(written ? ['', ...renderWritten(written)] : []),
  ]
    .join('\n')
    .replace(/^\n+/, '');
}

function renderEdgeStatus(operated: OperatedResources, { edge, status, written }: EdgeStatus): string[] {
  const title = renderEdgeTitle(edge, operated);
  if ('failure' in status)
    return [title, ...renderSilence(status), ...(written ? ['', ...renderWritten(written)] : [])];
  return [title, ...renderTables(status), ...renderPlaceSide(operated, status), '', ...renderResources(status)];
}

/** What agents wrote is told where nobody can say whether it is still so. */
function renderWritten({ programmed, all, others }: WrittenStatuses): string[] {
  if (all === 0) return [styleText('dim', '  No agent has written any status of it.')];
  const listed = renderListed(styleText('red', 'not programmed'), others, [
    '      its status says nothing: no agent has written any',
  ]);
  const sum = `  ${programmed} of ${all} resources are programmed, by the status that the agent wrote last`;
  return [...listed, styleText('dim', sum)];
}

interface Told {
  readonly resource: ResourceKey;
  readonly because: readonly Readonly<Record<'type' | 'status' | 'reason' | 'message', string>>[];
}

/** @param otherwise what to say of one of which no condition tells anything */
function renderListed(word: string, resources: readonly Told[], otherwise: readonly string[] = []): string[] {
  const listed = resources
    .slice(0, LISTED_RESOURCES)
    .flatMap(({ resource, because }) => [
      `  ${word}  ${resource}`,
      ...(because.length === 0 ? otherwise : because.map(renderCondition)),
    ]);
  const more = resources.length - LISTED_RESOURCES;
  return [...listed, ...(more > 0 ? [`  and ${more} more`] : [])];
}

/** A message may have several lines. */
function renderCondition({ type, status, reason, message }: Told['because'][number]): string {
  return `      ${type}=${status} ${reason}: ${message.replaceAll('\n', '\n      ')}`;
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

function renderPlaceSide({ place }: OperatedResources, { held, changes, guards, warnings }: AskedEdge): string[] {
  const said =
    changes.length === 0
      ? held
        ? 'says what the hub holds'
        : 'says nothing that callers would meet, and has not been published'
      : `says something else: ${renderVerbs(changes)} (\`fairlead diff${placeArguments(place)}\`)`;
  return [
    row(placeNoun(place), said),
    ...guards.map(({ reason, sentence }) => row(styleText('yellow', 'held back'), `${reason}: ${sentence}`)),
    ...warnings.map((sentence) => row(styleText('yellow', 'warning'.padEnd(9)), sentence)),
  ];
}

function renderResources({ programmed, missing, impaired, stale }: AskedEdge): string[] {
  const served = [...programmed.values()].filter(({ status }) => status === 'True').length;
  const unused = programmed.size - served - missing.length;
  const left =
    unused === 1
      ? '; 1 is not published, because nothing refers to it'
      : `; ${unused} are not published, because nothing refers to them`;
  return [
    ...renderListed(styleText('red', 'not programmed'), missing),
    ...renderListed(styleText('yellow', 'impaired      '), impaired),
    ...renderStale(stale),
    styleText('dim', `  ${served} of ${programmed.size} resources are programmed${unused === 0 ? '' : left}`),
  ];
}

/** A dead agent leaves everything alike: what is wrong with many is said once. */
function renderStale(stale: AskedEdge['stale']): string[] {
  return [...Map.groupBy(stale, ({ sentence }) => sentence)].flatMap(([sentence, alike]) => {
    const listed = alike.slice(0, LISTED_RESOURCES);
    const more = alike.length - listed.length;
    return [
      ...listed.map(({ resource }) => `  ${styleText('yellow', 'stale status')}    ${resource}`),
      ...(more > 0 ? [`  and ${more} more`] : []),
      `      ${alike.length === 1 ? 'its' : 'their'} status ${sentence}`,
    ];
  });
}
