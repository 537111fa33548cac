import { styleText } from 'node:util';
import type { Json } from '../../contract/canonical-json.ts';
import { renderVerbs } from '../edges/change-counts.ts';
import type { FieldChange, ResourceChange } from '../edges/entry-changes.ts';
import { renderEdgeTitle, renderHeld, renderReading } from '../edges/render-edge.ts';
import type { OperatedResources } from '../edges/operated-resources.ts';
import { faultsOf, type Fault } from '../faults.ts';
import type { EdgeDiff } from './run-diff.ts';

export function renderDiff(operated: OperatedResources, diffs: readonly EdgeDiff[]): string {
  return [...renderReading(operated), ...diffs.flatMap((diff) => ['', ...renderEdgeDiff(operated, diff)])]
    .join('\n')
    .replace(/^\n+/, '');
}

function renderEdgeDiff(operated: OperatedResources, { edge, difference }: EdgeDiff): string[] {
  const { held, changes, resigned, guards, warnings, digest } = difference;
  const faults = faultsOf(edge.compilation);
  const lines = [
    renderEdgeTitle(edge, operated),
    `  the edge ${held ? 'holds ' : ''}${renderHeld(held, Date.now())}`,
    '',
  ];
  lines.push(...changes.flatMap((change) => renderChange(change, faults)));
  lines.push(...resigned.map((sentence) => `  ${styleText('yellow', '~')} the whole table: ${sentence}`));
  if (changes.length + resigned.length > 0) lines.push('');
  lines.push(
    changes.length === 0
      ? `  ${renderNone(operated)}${held ? '' : ' Nothing has been published yet.'}`
      : `  ${renderVerbs(changes)}. Digest of the table: ${digest}`,
    ...guards.map(({ reason, sentence }) => `  ${styleText('yellow', reason)}: ${sentence}`),
    ...warnings.map((sentence) => `  ${styleText('yellow', 'warning')}: ${sentence}`),
  );
  return lines;
}

function renderNone({ place: { namespace } }: OperatedResources): string {
  return namespace === undefined ? 'No resource differs.' : `No resource of namespace ${namespace} differs.`;
}

const SIGNS = { added: ['+', 'green'], changed: ['~', 'yellow'], removed: ['-', 'red'] } as const;

export function renderChange({ resource, how, fields }: ResourceChange, faults: readonly Fault[]): string[] {
  const [sign, colour] = SIGNS[how];
  // A resource goes because it was taken away, or because something stands against it.
  const reasons = how === 'removed' ? faults.filter((fault) => fault.resource === resource) : [];
  return [
    `  ${styleText(colour, `${sign} ${resource}`)}`,
    ...fields.map((field) => `      ${renderField(field)}`),
    ...reasons.map(
      ({ condition }) =>
        `      ${condition.type}=False ${condition.reason}: ${condition.message.replaceAll('\n', '\n      ')}`,
    ),
  ];
}

function renderField({ path, before, after }: FieldChange): string {
  if (before === undefined) return `${path}: ${styleText('green', `+ ${renderValue(after)}`)}`;
  if (after === undefined) return `${path}: ${styleText('red', `- ${renderValue(before)}`)}`;
  return `${path}: ${renderValue(before)} -> ${renderValue(after)}`;
}

const LONGEST_VALUE = 160;

function renderValue(value: Json | undefined): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value ?? null);
  return text.length > LONGEST_VALUE ? `${text.slice(0, LONGEST_VALUE)}…` : text;
}
