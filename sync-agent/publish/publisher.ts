import type { ClusterHistory, HubState, ServedRevision } from '../../contract/publish-api.ts';
import type { SignalReport } from '../../contract/signals.ts';
import type { Blob, SecretToSeal } from '../compile/compilation.ts';
import type { Sighting, SightingWanted } from '../inference/sighting.ts';
import type { HeldTable, Plan } from '../plan.ts';

/**
 * One way to one edge: HTTPS, or an inbox from which the hub fetches the same blobs and pointers. Every method may be
 * called again after it failed or was interrupted.
 */
export interface Publisher {
  /** Id of the key that signs. */
  readonly kid: string;
  /** Takes the term, where it is not held, and reads what the edge holds. @throws {PublishFailure} */
  read(signal: AbortSignal): Promise<EdgeReading>;
  /** Blobs of the table that the edge holds; those that it has lost are left out. @throws {PublishFailure} */
  readBlobs(hashes: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, Uint8Array>>;
  /** The section `secrets`; what the edge holds sealed already is taken from there. */
  seal(secrets: readonly SecretToSeal[]): Promise<readonly Blob[]>;
  /** Carries out a plan. @throws {PublishFailure} */
  publish(plan: Extract<Plan, { type: 'Publish' }>, signal: AbortSignal): Promise<Published>;
  /** The revisions that the hub keeps whole, the newest first. @throws {PublishFailure} */
  history(signal: AbortSignal): Promise<ClusterHistory>;
  /** Has the edge stop serving what this cluster published. @throws {PublishFailure} */
  evict(signal: AbortSignal): Promise<void>;
  /** What an isolate serves after it has asked the hub: wakes one where none runs. */
  probe(signal: AbortSignal): Promise<ServedRevision>;
  /** What the hub holds and has heard from isolates. */
  state(signal: AbortSignal): Promise<HubState>;
  /** Has the edge itself look which models answer there; `Unasked` where it is too old for that. @throws {PublishFailure} */
  look(wanted: SightingWanted, signal: AbortSignal): Promise<Sighting>;
  /** Replaces what the hub knows of the load behind this cluster's providers. @throws {PublishFailure} */
  sendSignals(report: SignalReport, signal: AbortSignal): Promise<void>;
}

export interface EdgeReading {
  readonly held: HeldTable | null;
  /** What every deployed worker understands: the plan is made for no more than this. */
  readonly reads: HubState['reads'];
}

export interface Published {
  readonly held: HeldTable;
  /** Blobs that the edge did not have. */
  readonly blobsPut: number;
}
