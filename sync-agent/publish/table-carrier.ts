import type { Pointer } from '../../contract/routing-table.ts';
import type { Blob } from '../compile/compilation.ts';

export interface SignedTable {
  readonly jws: string;
  readonly revision: string;
  readonly pointer: Pointer;
}

/** How blobs and pointer get to the hub. Everything may be done again. All methods throw {PublishFailure}. */
export interface TableCarrier {
  putBlobs(blobs: readonly Blob[], signal: AbortSignal): Promise<void>;
  /** Resolves once the hub has admitted the table. */
  putPointer(table: SignedTable, signal: AbortSignal): Promise<void>;
  /** Where a table can wait for an edge that cannot be asked. */
  readonly inbox?: Inbox;
}

export interface Inbox {
  /** For sentences. */
  readonly name: string;
  /** Leaves a pointer there whose blobs were put: the hub fetches it when it looks. */
  leave(table: SignedTable, signal: AbortSignal): Promise<void>;
  /** Whether the hub has fetched a table that was left here last, for all that the store says. */
  isTaken(table: SignedTable, signal: AbortSignal): Promise<boolean>;
  /** What was put may be there no longer, or not as it was put: it is put again. @param ageMs put at least so long ago */
  forget(ageMs?: number): void;
}
