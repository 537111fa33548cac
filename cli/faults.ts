import type { Compilation, Condition } from '../sync-agent/compile/compilation.ts';
import type { ResourceKey } from '../sync-agent/snapshot.ts';

/** A condition that is not as it should be, and whose. */
export interface Fault {
  readonly resource: ResourceKey;
  readonly condition: Condition;
}

/** Sorted by resource. `Programmed` is left out: it speaks of the edge, not of the resource. */
export function faultsOf({ conditions }: Pick<Compilation, 'conditions'>): Fault[] {
  return [...conditions]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([resource, list]) =>
      list
        .filter(({ type, status }) => type !== 'Programmed' && status === 'False')
        .map((condition) => ({ resource, condition })),
    );
}
