import type { ResourceChanges } from '../../sync-agent/status/resource-changes.ts';
import type { ResourceChange } from './entry-changes.ts';

/** Resources by what became of them, as the agent lists them. */
export function changesByVerb(changes: readonly ResourceChange[]): ResourceChanges {
  const of = (how: ResourceChange['how']) =>
    changes.filter((change) => change.how === how).map(({ resource }) => resource);
  return { added: of('added'), changed: of('changed'), removed: of('removed') };
}

/** How many of a kind came, changed and went. */
export interface ChangeCounts {
  readonly added: number;
  readonly changed: number;
  readonly removed: number;
}

/** By kind, such as `AIModel`; kinds of which nothing changed are left out. */
export function countByKind(changes: readonly ResourceChange[]): Readonly<Record<string, ChangeCounts>> {
  const counts: Record<string, { added: number; changed: number; removed: number }> = {};
  for (const { resource, how } of changes) {
    const kind = resource.slice(0, resource.indexOf('/'));
    const ofKind = (counts[kind] ??= { added: 0, changed: 0, removed: 0 });
    ofKind[how] += 1;
  }
  return counts;
}

const SIGNS = [
  ['added', '+'],
  ['changed', '~'],
  ['removed', '-'],
] as const;

/** `AIModel +1 ~2, Consumer -1`; of no change nothing. */
export function renderCounts(counts: Readonly<Record<string, ChangeCounts>>): string {
  return Object.entries(counts)
    .map(([kind, ofKind]) => {
      const parts = SIGNS.flatMap(([how, sign]) => (ofKind[how] === 0 ? [] : [`${sign}${ofKind[how]}`]));
      return `${kind} ${parts.join(' ')}`;
    })
    .join(', ');
}

/** `1 added, 2 changed` */
export function renderVerbs(changes: readonly ResourceChange[]): string {
  return SIGNS.flatMap(([how]) => {
    const count = changes.filter((change) => change.how === how).length;
    return count === 0 ? [] : [`${count} ${how}`];
  }).join(', ');
}
