import { styleText } from 'node:util';
import type { Compilation } from '../../sync-agent/compile/compilation.ts';
import { resourceId } from '../../sync-agent/snapshot.ts';
import { faultsOf } from '../faults.ts';
import type { CompilableResources } from '../compilable-resources.ts';
import { renderProblem } from '../render-problem.ts';
import type { CompiledEdge } from './run-compile.ts';

/** Beyond this many resources only the faulty ones are named. */
const LISTED_RESOURCES = 40;

export function renderCompilation({ problems, notes }: CompilableResources, edges: readonly CompiledEdge[]): string {
  return [
    ...notes.map((sentence) => styleText('dim', `note: ${sentence}`)),
    ...problems.map((problem) => renderProblem(problem)),
    ...edges.flatMap((edge) => ['', ...renderEdge(edge)]),
  ]
    .join('\n')
    .replace(/^\n+/, '');
}

function renderEdge({ gateway, compilation, conditions }: CompiledEdge): string[] {
  const { endpoint, clusterName } = gateway.spec;
  return [
    `${styleText('bold', resourceId(gateway.metadata))}  ${endpoint}, as cluster ${clusterName}`,
    '',
    ...renderSections(compilation),
    '',
    ...renderResources({ conditions }),
  ];
}

function renderSections({ sections, secrets, counts }: Compilation): string[] {
  const rows = Object.entries(sections).map(([kind, blobs]) => {
    const bytes = blobs.reduce((sum, blob) => sum + blob.bytes.length, 0);
    const entries = kind in counts ? String(Object.entries(counts).find(([name]) => name === kind)?.[1] ?? '') : '';
    const names = blobs.map(({ sha256 }) => sha256.slice(0, 12));
    const shown = names.length > 3 ? [...names.slice(0, 3), `and ${names.length - 3} more`] : names;
    return `  ${kind.padEnd(10)}${entries.padStart(6)}  ${`${bytes} B`.padStart(10)}  ${shown.join(' ')}`;
  });
  const toSeal = String(secrets.length).padStart(6);
  return [
    styleText('dim', `  ${'section'.padEnd(10)}${'entries'.padStart(6)} ${'size'.padStart(10)}  blobs`),
    ...rows,
    `  ${'secrets'.padEnd(10)}${toSeal}  ${''.padStart(10)}  ${secrets.length === 0 ? '' : 'sealed when they are published'}`,
  ];
}

function renderResources({ conditions }: Pick<Compilation, 'conditions'>): string[] {
  const faults = faultsOf({ conditions });
  const faulty = new Set(faults.map(({ resource }) => resource));
  const fine = [...conditions.keys()].filter((key) => !faulty.has(key)).toSorted();
  const listed = fine.length <= LISTED_RESOURCES ? fine.map((key) => `  ${styleText('green', 'ok')}     ${key}`) : [];
  return [
    ...listed,
    ...faults.map(
      ({ resource, condition }) =>
        `  ${styleText('red', 'fault')}  ${resource}  ${condition.type}=${condition.status} ${condition.reason}\n         ${condition.message.replaceAll('\n', '\n         ')}`,
    ),
    styleText('dim', `  ${fine.length} of ${conditions.size} resources are all right`),
  ];
}
