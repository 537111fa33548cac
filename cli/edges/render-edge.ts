import { styleText } from 'node:util';
import { age } from '../age.ts';
import { renderProblem } from '../render-problem.ts';
import type { HeldRevision } from './edge-difference.ts';
import type { OperatedEdge } from './operated-edge.ts';
import type { OperatedResources } from './operated-resources.ts';

/** What is to be known of a folder or cluster before anything about its edges. */
export function renderReading({ place, problems, notes }: OperatedResources): string[] {
  const isBroken = place.type !== 'Cluster' && problems.some(({ severity }) => severity === 'error');
  const all = isBroken ? [...notes, UNREADABLE_COUNTS_AS_GONE] : notes;
  return [...problems.map(renderProblem), ...all.map((sentence) => styleText('dim', `note: ${sentence}`))];
}

const UNREADABLE_COUNTS_AS_GONE =
  'what cannot be read counts as gone here, while a running agent keeps what it said last';

export function renderEdgeTitle(
  { id, gateway }: Pick<OperatedEdge, 'id' | 'gateway'>,
  { dev }: Pick<OperatedResources, 'dev'>,
): string {
  const { endpoint, clusterName } = gateway.spec;
  const runner = dev ? styleText('dim', ` (fairlead dev, process ${dev.pid})`) : '';
  return `${styleText('bold', id)}  ${endpoint}, as cluster ${clusterName}${runner}`;
}

export function renderHeld(held: HeldRevision | null, now: number): string {
  if (!held) return 'holds no table of this cluster';
  const rollback = held.rollbackOf === undefined ? '' : `, a rollback of ${held.rollbackOf}`;
  const issued = age(now - Date.parse(held.issuedAt));
  return `revision ${styleText('bold', held.revision)}, generation ${held.generation}, issued ${issued} ago${rollback}`;
}
