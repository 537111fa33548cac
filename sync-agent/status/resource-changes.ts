import type { EntryRef } from '../compile/compilation.ts';
import { isServiceEntry } from '../compile/service-ids.ts';
import type { ResourceKey } from '../snapshot.ts';
import {
  entryName,
  tableDifference,
  type ComparedBlobs,
  type EntryDifference,
  type TableDifference,
} from '../table-difference.ts';

/** What a publication means for resources: keys by verb, sorted. */
export interface ResourceChanges {
  readonly added: readonly ResourceKey[];
  readonly changed: readonly ResourceKey[];
  readonly removed: readonly ResourceKey[];
}

/** @param entries what each resource is in the table that is there after the change */
export function resourceChanges(
  difference: TableDifference,
  entries: ReadonlyMap<ResourceKey, readonly EntryRef[]>,
): ResourceChanges {
  const verbs = new Map<ResourceKey, keyof ResourceChanges>();
  const losing = new Set(
    [...difference.values()].flatMap((entry) => (entry.how === 'removed' ? [resourceOf(entry)] : [])),
  );
  for (const entry of difference.values()) {
    const key = resourceOf(entry);
    if (key === undefined || verbs.has(key)) continue;
    const own = (entries.get(key) ?? []).filter(({ section }) => section === entry.section);
    verbs.set(key, verbOf(own, losing.has(key), difference));
  }
  const of = (verb: keyof ResourceChanges) =>
    [...verbs]
      .filter(([, v]) => v === verb)
      .map(([key]) => key)
      .toSorted();
  return { added: of('added'), changed: of('changed'), removed: of('removed') };
}

/** What each resource is in a table that was not compiled by us, or not now. */
export function entriesByResource(sections: ComparedBlobs): Map<ResourceKey, EntryRef[]> {
  const entries = new Map<ResourceKey, EntryRef[]>();
  for (const entry of tableDifference(undefined, () => undefined, sections).values()) {
    const key = resourceOf(entry);
    if (key === undefined) continue;
    const known = entries.get(key);
    if (known) known.push({ section: entry.section, id: entry.id });
    else entries.set(key, [{ section: entry.section, id: entry.id }]);
  }
  return entries;
}

/**
 * A consumer has an entry for each key: one of them may go or come without the consumer doing so.
 *
 * @param own the resource's entries after the change
 * @param isLosing whether any of those before is gone
 */
function verbOf(own: readonly EntryRef[], isLosing: boolean, difference: TableDifference): keyof ResourceChanges {
  if (own.length === 0) return 'removed';
  const wasThere = isLosing || own.some(({ section, id }) => difference.get(entryName(section, id))?.how !== 'added');
  return wasThere ? 'changed' : 'added';
}

/** None of what was compiled from an inference service, which is no resource of ours. */
function resourceOf({ section, id, consumer }: EntryDifference): ResourceKey | undefined {
  if (isServiceEntry(id)) return undefined;
  switch (section) {
    case 'routes':
      return `GatewayRoute/${id}`;
    case 'models':
      return `AIModel/${id}`;
    case 'providers':
      return `LLMProvider/${id}`;
    case 'consumers':
      return consumer === undefined ? undefined : `Consumer/${consumer}`;
  }
}
