import type { ClusterHistory } from '../../contract/publish-api.ts';
import { revisionOf } from '../../contract/revision.ts';
import { pointer as pointerSchema, type Pointer } from '../../contract/routing-table.ts';
import type { HeldTable } from '../plan.ts';

export type FoundRevision =
  | { readonly pointer: Pointer }
  /** Revisions that the edge keeps, the newest first. */
  | { readonly kept: readonly string[] };

/**
 * The pointer of a revision, or of one that went back to it: with every secret that changes a pinned edge gets another
 * revision, until the edge no longer keeps the one that was pinned.
 *
 * @param history asked only where the edge does not hold it now
 */
export async function findRevision(
  revision: string,
  held: HeldTable | null,
  history: () => Promise<ClusterHistory>,
): Promise<FoundRevision> {
  if (held && (held.revision === revision || held.pointer.rollbackOf === revision)) return { pointer: held.pointer };
  const { revisions } = await history();
  const found =
    revisions.find((kept) => kept.revision === revision) ??
    revisions.find(({ pointer }) => pointer.rollbackOf === revision);
  const pointer = found && (await signedPointer(found.revision, found.jws));
  return pointer ? { pointer } : { kept: revisions.map((kept) => kept.revision) };
}

/**
 * What stands in the signed text that has this name. The signature is not asked for, because the key may have been
 * rotated since: the hub asked for it when it admitted the revision, and the name is a hash of the text.
 */
async function signedPointer(revision: string, jws: string): Promise<Pointer | undefined> {
  if ((await revisionOf(jws)) !== revision) return undefined;
  try {
    const [, payload = ''] = jws.split('.');
    return pointerSchema.safeParse(JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'))).data;
  } catch {
    return undefined;
  }
}
