import type { ClusterHistory, HubState } from '../../contract/publish-api.ts';
import { countByKind, type ChangeCounts } from '../edges/change-counts.ts';
import { heldRevision, type HeldRevision } from '../edges/edge-difference.ts';
import type { TableReader } from '../edges/table-reader.ts';

/** One revision that the edge keeps. */
export interface KeptRevision extends HeldRevision {
  /** RFC 3339. */
  readonly admittedAt: string;
  readonly isCurrent: boolean;
  /** Isolates that serve it. */
  readonly isolates: number;
  /** Against the revision before it, by kind; null for the oldest, of which nothing before is kept. */
  readonly changes: Readonly<Record<string, ChangeCounts>> | null;
}

/** The revisions that an edge keeps, the newest first. */
export async function keptRevisions(
  { revisions }: ClusterHistory,
  { current, serving }: Pick<HubState, 'current' | 'serving'>,
  tables: TableReader,
): Promise<KeptRevision[]> {
  const kept: KeptRevision[] = [];
  for (const [index, found] of revisions.entries()) {
    const before = revisions[index + 1];
    kept.push({
      ...heldRevision(found),
      admittedAt: found.admittedAt,
      isCurrent: found.revision === current?.revision,
      isolates: serving
        .filter(({ revision }) => revision === found.revision)
        .reduce((sum, { count }) => sum + count, 0),
      changes: before ? countByKind(await tables.changes(before.pointer.sections, found.pointer.sections)) : null,
    });
  }
  return kept;
}
