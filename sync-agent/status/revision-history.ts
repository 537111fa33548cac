import type { EntryRef } from '../compile/compilation.ts';
import { entryName, type TableDifference } from '../table-difference.ts';

/** Revisions that are remembered: the hub keeps as many. */
const REMEMBERED = 11;

/**
 * In which entries the latest revisions differ from what should be at the edge now. An entry that changed and changed
 * back counts as different: that only delays saying that it is served.
 */
export class RevisionHistory {
  readonly #differing = new Map<string, Set<string>>();

  /** @param difference from that revision to what should be at the edge now */
  remember(revision: string, difference: TableDifference): void {
    this.#differing.delete(revision);
    this.#differing.set(revision, new Set(difference.keys()));
    for (const old of this.#differing.keys()) {
      if (this.#differing.size <= REMEMBERED) return;
      this.#differing.delete(old);
    }
  }

  knows(revision: string): boolean {
    return this.#differing.has(revision);
  }

  /** What should be at the edge has changed: every revision lacks that much more. */
  change(difference: TableDifference): void {
    for (const names of this.#differing.values()) for (const name of difference.keys()) names.add(name);
  }

  /** Whether a revision holds all of these entries as they should be; of one that is not known: no. */
  holds(revision: string, entries: readonly EntryRef[]): boolean {
    const differing = this.#differing.get(revision);
    return differing !== undefined && entries.every(({ section, id }) => !differing.has(entryName(section, id)));
  }
}
