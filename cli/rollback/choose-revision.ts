import { isDeepStrictEqual } from 'node:util';
import type { ClusterHistory } from '../../contract/publish-api.ts';
import type { SectionHashes } from '../../contract/routing-table.ts';
import { CliError, EXIT } from '../exit-codes.ts';

type Kept = ClusterHistory['revisions'][number];

/**
 * The revision to go back to.
 *
 * @param revisions what the edge keeps, the newest first
 * @param asked the name of one, or its beginning; absent: the newest whose resources are others than the current one's
 * @throws {CliError} that lists what there is
 */
export function chooseRevision(revisions: readonly Kept[], asked: string | undefined): Kept {
  const [current, ...earlier] = revisions;
  if (!current)
    throw new CliError('the edge keeps no revision of this cluster: there is nothing to go back to', EXIT.rejected);
  if (asked === undefined) return theOneBefore(current, earlier);
  const found = revisions.filter(({ revision }) => revision.startsWith(asked));
  const [only] = found;
  if (!only || found.length > 1) {
    const fault = only ? 'several revisions begin with' : 'the edge keeps no revision';
    throw new CliError(`${fault} ${asked}: it keeps ${namesOf(revisions)}`, EXIT.rejected);
  }
  if (only === current)
    throw new CliError(`revision ${only.revision} is what the edge holds: nothing has to go back`, EXIT.rejected);
  return only;
}

function theOneBefore(current: Kept, earlier: readonly Kept[]): Kept {
  // What came before a rollback is what was gone back from.
  if (current.pointer.rollbackOf !== undefined)
    throw new CliError(
      `the edge has gone back to ${current.pointer.rollbackOf} already: name the revision to go to (${namesOf(earlier)}), or take the rollback back with --undo`,
      EXIT.rejected,
    );
  const before = earlier.find(({ pointer }) => !sameResources(pointer.sections, current.pointer.sections));
  if (before) return before;
  throw new CliError('the edge keeps no revision with other resources: there is nothing to go back to', EXIT.rejected);
}

/** All but what a rotation of keys changes. */
function sameResources({ secrets: _a, ...a }: SectionHashes, { secrets: _b, ...b }: SectionHashes): boolean {
  return isDeepStrictEqual(a, b);
}

function namesOf(revisions: readonly Kept[]): string {
  return revisions.length === 0 ? 'none' : revisions.map(({ revision }) => revision).join(', ');
}
