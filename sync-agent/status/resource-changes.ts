import type { EntryRef } from '../compile/compilation.ts';
import type { ResourceKey } from '../snapshot.ts';
import { entryName, type ComparedKind, type EntryDifference, type TableDifference } from '../table-difference.ts';

/** What a publication means for resources: keys by verb, sorted. */
export interface ResourceChanges {
  readonly added: readonly ResourceKey[];
  readonly changed: readonly ResourceKey[];
  readonly removed: readonly ResourceKey[];
}

/** @param entries what each resource is compiled to now */
export function resourceChanges(
  difference: TableDifference,
  entries: ReadonlyMap<ResourceKey, readonly EntryRef[]>,
): ResourceChanges {
  const verbs = new Map<ResourceKey, keyof ResourceChanges>();
  for (const entry of difference.values()) {
    const key = resourceOf(entry);
    if (key !== undefined && !verbs.has(key)) verbs.set(key, verbOf(key, entry.section, difference, entries));
  }
  const of = (verb: keyof ResourceChanges) =>
    [...verbs]
      .filter(([, v]) => v === verb)
      .map(([key]) => key)
      .toSorted();
  return { added: of('added'), changed: of('changed'), removed: of('removed') };
}

/** A consumer has an entry for each key: one of them may go or come without the consumer doing so. */
function verbOf(
  key: ResourceKey,
  section: ComparedKind,
  difference: TableDifference,
  entries: ReadonlyMap<ResourceKey, readonly EntryRef[]>,
): keyof ResourceChanges {
  const own = (entries.get(key) ?? []).filter((entry) => entry.section === section);
  if (own.length === 0) return 'removed';
  const wasThere =
    own.some(({ id }) => difference.get(entryName(section, id))?.how !== 'added') ||
    [...difference.values()].some((entry) => entry.how === 'removed' && resourceOf(entry) === key);
  return wasThere ? 'changed' : 'added';
}

function resourceOf({ section, id, consumer }: EntryDifference): ResourceKey | undefined {
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
