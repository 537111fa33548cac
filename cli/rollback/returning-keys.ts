import type { ResourceChange } from '../edges/entry-changes.ts';

/** Keys of callers that were taken away since, and would be accepted again: `Consumer/ns/name (key main)`. */
export function returningKeys(changes: readonly ResourceChange[]): string[] {
  return changes
    .filter(({ resource }) => resource.startsWith('Consumer/'))
    .flatMap(({ resource, how, fields }) => {
      if (how === 'added') return [`${resource} (all its keys)`];
      if (how === 'removed') return [];
      return fields.flatMap(({ path, after }) => {
        const key = /^keys\[([^\]]+)\](\.digest)?$/.exec(path)?.[1];
        return key === undefined || after === undefined ? [] : [`${resource} (key ${key})`];
      });
    });
}
