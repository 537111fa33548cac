import type { Admission, HubState, Refusal, TermClaim, TermGrant } from '../../contract/publish-api.ts';

import type { Fault } from './admission.ts';

/** What an isolate tells the hub, and asks of it. */
export interface PollQuestion {
  /** Random, the isolate's own. */
  readonly isolate: string;
  readonly knownSchemaVersions: readonly number[];
  /** Revision that it serves; null while it holds no table. */
  readonly serving: string | null;
  /** The newest revision that it would not serve, and why. */
  readonly refused?: { readonly revision: string; readonly reason: string };
}

export interface PollAnswer {
  /** The newest revision that the isolate can read; null where the hub holds none. */
  readonly revision: string | null;
  /** Its signed pointer, where the isolate serves another. */
  readonly jws?: string;
  /** Blobs of that pointer that KV may not show everywhere yet: ask the hub for them. */
  readonly recent: readonly string[];
  /** When to ask again, in milliseconds. */
  readonly nextPollMs: number;
  /** After how many milliseconds without an answer to ask before serving. */
  readonly staleAfterMs: number;
}

export interface StoredBlob {
  readonly sha256: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export type Refused = { readonly refused: Refusal };

/** What the hub does for agents (through the publish endpoints) and for isolates, always for one cluster. */
export interface HubClient {
  claimTerm(cluster: string, claim: TermClaim): Promise<TermGrant | Refused>;
  /** Those of `hashes` that the hub does not have. */
  missingBlobs(hashes: readonly string[]): Promise<string[]>;
  putBlob(sha256: string, bytes: Uint8Array<ArrayBuffer>): Promise<Fault | undefined>;
  /** Those that it has, as many as fit into one answer: at least one, if it has any. */
  getBlobs(hashes: readonly string[]): Promise<StoredBlob[]>;
  admit(cluster: string, jws: string): Promise<Admission | Refused>;
  state(cluster: string): Promise<HubState>;
  poll(cluster: string, question: PollQuestion): Promise<PollAnswer>;
}
