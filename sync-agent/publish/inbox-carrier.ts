import type { InboxKind } from '../../contract/publish-api.ts';
import { INBOX_TTL_SECONDS, inboxBlobKey, inboxLatestKey, inboxRevisionKey } from '../../contract/storage-keys.ts';
import type { Clock } from '../clock.ts';
import type { Blob } from '../compile/compilation.ts';
import type { Attempts, Retrying } from './backoff.ts';
import type { EdgeClient } from './edge-client.ts';
import type { Inbox, SignedTable, TableCarrier } from './table-carrier.ts';

/** A value on its way into a store: bytes of a blob, or a signed pointer's text. */
export type InboxEntry = { readonly key: string } & (
  | { readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly text: string }
);

/** A store that the hub reads too. All methods throw {PublishFailure}. */
export interface InboxStore {
  readonly kind: InboxKind;
  /** For sentences. */
  readonly name: string;
  /** Puts all of them, each to be forgotten after INBOX_TTL_SECONDS. */
  put(entries: readonly InboxEntry[], signal: AbortSignal): Promise<void>;
  has(key: string, signal: AbortSignal): Promise<boolean>;
}

export interface InboxCarrierOptions {
  readonly store: InboxStore;
  readonly client: EdgeClient;
  readonly cluster: string;
  readonly retrying: Retrying;
  readonly clock: Clock;
}

/** A store may take seconds to show the hub what was put; beyond that the next pass gives notice again. */
const NOTICE_ATTEMPTS: Attempts = { attempts: 5, firstMs: 500, longestMs: 4000 };

/** What was put longer ago is put again, long before the store forgets it, in milliseconds. */
const TRUSTED_MS = (INBOX_TTL_SECONDS * 1000) / 2;

/** Through a store: blobs and pointer are put there, then the edge is told to fetch them. */
export function createInboxCarrier(options: InboxCarrierOptions): TableCarrier {
  return new InboxCarrier(options);
}

class InboxCarrier implements TableCarrier {
  readonly inbox: Inbox;
  readonly #options: InboxCarrierOptions;
  /** When what may be taken to lie there was put: by a blob's hash, or by a revision. */
  readonly #put = new Map<string, number>();

  constructor(options: InboxCarrierOptions) {
    const { store, cluster, clock } = options;
    this.#options = options;
    this.inbox = {
      name: store.name,
      leave: (table, signal) => this.#leave(table, signal),
      isTaken: async ({ revision }, signal) =>
        this.#lies(revision) && !(await store.has(inboxRevisionKey(cluster, revision), signal)),
      forget: (ageMs = 0) => {
        for (const [name, at] of this.#put) if (clock.now() - at >= ageMs) this.#put.delete(name);
      },
    };
  }

  async putBlobs(blobs: readonly Blob[], signal: AbortSignal): Promise<void> {
    const { store, cluster, clock } = this.#options;
    const toPut = blobs.filter(({ sha256 }) => !this.#lies(sha256));
    if (toPut.length === 0) return;
    await store.put(
      toPut.map(({ sha256, bytes }) => ({ key: inboxBlobKey(cluster, sha256), bytes })),
      signal,
    );
    for (const { sha256 } of toPut) this.#put.set(sha256, clock.now());
  }

  async putPointer(table: SignedTable, signal: AbortSignal): Promise<void> {
    const { store, client, retrying } = this.#options;
    await this.#leave(table, signal);
    const notice = { inbox: store.kind, revision: table.revision };
    await retrying(() => client.noticeInbox(notice, signal), signal, NOTICE_ATTEMPTS);
  }

  async #leave({ jws, revision }: SignedTable, signal: AbortSignal): Promise<void> {
    if (this.#lies(revision)) return;
    const { store, cluster, clock } = this.#options;
    const keys = [inboxRevisionKey(cluster, revision), inboxLatestKey(cluster)];
    await store.put(
      keys.map((key) => ({ key, text: jws })),
      signal,
    );
    this.#put.set(revision, clock.now());
  }

  #lies(name: string): boolean {
    return this.#options.clock.now() - (this.#put.get(name) ?? -Infinity) < TRUSTED_MS;
  }
}
