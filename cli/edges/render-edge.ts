import { styleText } from 'node:util';
import { age } from '../age.ts';
import { renderProblem } from '../render-problem.ts';
import type { HeldRevision } from './folder-difference.ts';
import type { OperatedEdge } from './operated-edge.ts';
import type { OperatedFolder } from './operated-folder.ts';

/** What is to be known of the folder before anything about its edges. */
export function renderFolder({ problems }: OperatedFolder): string[] {
  if (!problems.some(({ severity }) => severity === 'error')) return problems.map(renderProblem);
  return [
    ...problems.map(renderProblem),
    styleText('dim', 'note: what cannot be read counts as gone here, while a running agent keeps what it said last'),
  ];
}

export function renderEdgeTitle(
  { id, gateway }: Pick<OperatedEdge, 'id' | 'gateway'>,
  { dev }: OperatedFolder,
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
