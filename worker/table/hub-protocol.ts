import type {
  Admission,
  ClusterHistory,
  HubState,
  InboxNotice,
  Refusal,
  TermClaim,
  TermGrant,
} from '../../contract/publish-api.ts';
import type { Generation } from '../../contract/routing-table.ts';
import type { Signal, SignalReport } from '../../contract/signals.ts';
import type { Fault } from './admission.ts';

/** What an isolate tells the hub, and asks of it, about all clusters at once: calls are counted. */
export interface PollQuestion {
  /** Random, the isolate's own. */
  readonly isolate: string;
  readonly knownSchemaVersions: readonly number[];
  readonly knownFeatures: readonly string[];
  /** By the name of the cluster. */
  readonly clusters: Readonly<Record<string, ClusterReport>>;
}

export interface ClusterReport {
  /** What it serves; null while it holds no table. */
  readonly serving: { readonly revision: string; readonly generation: Generation } | null;
  /** The newest revision that it would not serve, and why. */
  readonly refused?: { readonly revision: string; readonly reason: string };
}

export interface PollAnswer {
  /** Of the clusters that were asked about. */
  readonly clusters: Readonly<Record<string, ClusterNews>>;
  /** When to ask again, in milliseconds. */
  readonly nextPollMs: number;
  /** After how many milliseconds without an answer to ask before serving. */
  readonly staleAfterMs: number;
}

export interface ClusterNews {
  /** The newest revision that the isolate can read; null where the hub holds none. */
  readonly revision: string | null;
  /** Its signed pointer, where the isolate serves another. */
  readonly jws?: string;
  /** Blobs of that pointer that KV may not show everywhere yet: ask the hub for them. */
  readonly recent: readonly string[];
  /**
   * The generation of `revision`; where the hub holds none, the highest that was evicted. An isolate takes nothing below
   * it from KV or cache, for an old pointer may have been put back there.
   */
  readonly floor: Generation | null;
  /** The cluster was evicted: what is held of it, up to `floor`, is dropped. */
  readonly evicted: boolean;
  readonly signals: readonly LivingSignal[];
}

export interface LivingSignal extends Signal {
  /** For how much longer it holds, in milliseconds. */
  readonly forMs: number;
}

export interface StoredBlob {
  readonly sha256: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export type Refused = { readonly refused: Refusal };

/**
 * `not-arrived`: the inbox does not show all of it yet, so ask again. `no-inbox`: this edge has no inbox of that kind.
 */
export type InboxOutcome = Admission | Refused | 'not-arrived' | 'no-inbox';

/** What the hub does for agents (through the publish endpoints), always for one cluster, and for isolates. */
export interface HubClient {
  claimTerm(cluster: string, claim: TermClaim): Promise<TermGrant | Refused>;
  /** Those of `hashes` that the hub does not have. */
  missingBlobs(hashes: readonly string[]): Promise<string[]>;
  putBlob(sha256: string, bytes: Uint8Array<ArrayBuffer>): Promise<Fault | undefined>;
  /**
   * Those that it has, as many as fit into one answer: at least one, if it has any. What an isolate asks for KV did not
   * have, or had wrong: it is copied there again.
   */
  getBlobs(hashes: readonly string[], asker: 'agent' | 'isolate'): Promise<StoredBlob[]>;
  admit(cluster: string, jws: string): Promise<Admission | Refused>;
  /** Fetches pointer and blobs from an inbox, and admits them. */
  admitFromInbox(cluster: string, notice: InboxNotice): Promise<InboxOutcome>;
  state(cluster: string): Promise<HubState>;
  history(cluster: string): Promise<ClusterHistory>;
  evict(cluster: string): Promise<void>;
  takeSignals(cluster: string, report: SignalReport): Promise<void>;
  poll(question: PollQuestion): Promise<PollAnswer>;
}
