import { MAX_BUCKET_BYTES, MAX_POINTER_LENGTH } from '../../contract/buckets.ts';
import { sha256Hex } from '../../contract/encoding.ts';
import type { Admission, HubState, TermClaim, TermGrant } from '../../contract/publish-api.ts';
import { NewerSchema, revisionOf, UntrustedDocument, verifyPointer, type FindKey } from '../../contract/revision.ts';
import type { Pointer } from '../../contract/routing-table.ts';
import { blobKey } from '../../contract/storage-keys.ts';
import { newerSchema, refusalOf, uidFault, type Fault } from './admission.ts';
import { admitPointer } from './admit-pointer.ts';
import { copyToKv, KV_LAG_MS } from './copy-to-kv.ts';
import type { HubClient, PollAnswer, PollQuestion, Refused, StoredBlob } from './hub-protocol.ts';
import { admittedPointer, hashesOf, HubStore } from './hub-store.ts';
import { IsolateRegistry } from './isolate-registry.ts';
import { nextPollMs, staleAfterMs } from './next-poll.ts';
import { BLOB_GRACE_MS, collect, type Collection } from './retention.ts';
import type { TableLog } from './table-log.ts';
import type { TableSettings, TrustedCluster } from './table-settings.ts';

export interface HubDependencies {
  readonly settings: TableSettings;
  readonly storage: Pick<DurableObjectStorage, 'sql' | 'transactionSync' | 'getAlarm' | 'setAlarm'>;
  readonly kv: Pick<KVNamespace, 'put' | 'delete'>;
  readonly log: TableLog;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** From 0 up to 1. */
  readonly random: () => number;
}

/** Bytes of blobs in one answer; a call may carry 32 MiB. */
const ANSWER_BYTES = 16 * 1024 * 1024;

/** KV takes one write a second for each key. */
const PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;

/** Deletions in one turn: a call may make 1,000 requests to KV. */
const COLLECT_AT_ONCE = 500;

/**
 * The gate and the memory of the edge. It admits what agents publish, keeps it, and tells isolates what is newest.
 * What it decides stands in admission.ts, retention.ts and next-poll.ts, what it remembers in hub-store.ts; hub-object.ts
 * makes it a Durable Object.
 */
export class Hub implements HubClient {
  readonly #use: HubDependencies;
  readonly #store: HubStore;
  readonly #isolates = new Map<string, IsolateRegistry>();
  #failedTurns = 0;

  constructor(dependencies: HubDependencies) {
    this.#use = dependencies;
    this.#store = new HubStore(dependencies.storage);
  }

  async claimTerm(cluster: string, { clusterUid, floor }: TermClaim): Promise<TermGrant | Refused> {
    const { edge, trusted } = this.#trust(cluster);
    if (!trusted) return this.#refuse(cluster, notTrusted(cluster));
    const { pinnedUid, grantedTerm } = this.#store.cluster(cluster);
    const current = this.#store.current(cluster);
    const fault = uidFault(clusterUid, { edge, trust: trusted.trust, pinnedUid, grantedTerm, current });
    if (fault) return this.#refuse(cluster, fault);
    const term = Math.max(grantedTerm, floor?.term ?? 0) + 1;
    this.#store.grantTerm(cluster, term);
    return { term };
  }

  async missingBlobs(hashes: readonly string[]): Promise<string[]> {
    return this.#store.missing(hashes, this.#use.now());
  }

  async putBlob(sha256: string, bytes: Uint8Array<ArrayBuffer>): Promise<Fault | undefined> {
    if (bytes.byteLength > MAX_BUCKET_BYTES)
      return {
        rule: 'blob-size',
        message: `The blob has ${bytes.byteLength} bytes, and the hub takes ${MAX_BUCKET_BYTES}.`,
      };
    const actual = await sha256Hex(bytes);
    if (actual !== sha256)
      return { rule: 'blob-hash', message: `The blob's SHA-256 is ${actual}, and it was put as ${sha256}.` };
    const now = this.#use.now();
    this.#store.putBlob(sha256, bytes.slice().buffer, now);
    await this.#wakeBy(now + BLOB_GRACE_MS);
    return undefined;
  }

  async getBlobs(hashes: readonly string[]): Promise<StoredBlob[]> {
    const found: StoredBlob[] = [];
    let size = 0;
    for (const sha256 of hashes) {
      const bytes = this.#store.blob(sha256);
      if (!bytes) continue;
      size += bytes.byteLength;
      if (size > ANSWER_BYTES && found.length > 0) break;
      found.push({ sha256, bytes });
    }
    return found;
  }

  async admit(cluster: string, jws: string): Promise<Admission | Refused> {
    const { edge, trusted } = this.#trust(cluster);
    if (!trusted) return this.#refuse(cluster, notTrusted(cluster));
    const verified = await verify(jws, trusted.findKey);
    if ('fault' in verified) return this.#refuse(cluster, verified.fault);
    const push = { jws, revision: await revisionOf(jws), pointer: verified.pointer };
    const now = this.#use.now();
    const outcome = admitPointer(this.#store, { edge, trust: trusted.trust }, push, now);
    // Without a pause since the admission: both are written, or neither.
    if ('changed' in outcome && outcome.changed) await this.#use.storage.setAlarm(now);
    return outcome;
  }

  async state(cluster: string): Promise<HubState> {
    const current = this.#store.current(cluster);
    return {
      current: current && {
        revision: current.revision,
        jws: current.jws,
        pointer: admittedPointer(current.jws),
      },
      term: this.#store.cluster(cluster).grantedTerm,
      ...this.#registry(cluster).summary(this.#use.now()),
    };
  }

  async poll(cluster: string, question: PollQuestion): Promise<PollAnswer> {
    const { settings, random } = this.#use;
    const { isolate, knownSchemaVersions, serving, refused } = question;
    const now = this.#use.now();
    const registry = this.#registry(cluster);
    const pollMs = nextPollMs({
      local: settings.local,
      isolates: registry.countWith(isolate, now),
      random: random(),
    });
    const timing = { nextPollMs: pollMs, staleAfterMs: staleAfterMs(pollMs) };
    registry.hear({ isolate, serving, ...(refused && { refused }) }, now, timing.staleAfterMs);
    const newest = this.#store.newest(cluster, knownSchemaVersions, serving);
    if (!newest) return { revision: null, recent: [], ...timing };
    if (newest.jws === null) return { revision: newest.revision, recent: [], ...timing };
    const recent = this.#store.copiedLaterThan(now - KV_LAG_MS, hashesOf(newest.jws));
    return { revision: newest.revision, jws: newest.jws, recent, ...timing };
  }

  /** Copies to KV what is not there yet and collects what nobody needs. What fails is tried again, later each time. */
  async alarm(): Promise<void> {
    try {
      await copyToKv(this.#store, this.#use.kv, this.#use.now);
      await this.#collect();
      this.#failedTurns = 0;
    } catch (error) {
      this.#failedTurns++;
      this.#use.log('warn', 'KV cannot be written; trying again', { error: String(error) });
    }
    const now = this.#use.now();
    const { next, expired } = this.#collection(now);
    const pause = Math.min(LONGEST_PAUSE_MS, PAUSE_MS * 2 ** this.#failedTurns);
    const unfinished = expired.length > 0 || this.#store.uncopiedClusters().length > 0;
    if (unfinished) await this.#wakeBy(now + pause);
    else if (next !== null) await this.#wakeBy(next);
  }

  async #collect(): Promise<void> {
    const now = this.#use.now();
    for (const sha256 of this.#collection(now).expired.slice(0, COLLECT_AT_ONCE)) {
      // A push may ask for the blob while KV forgets it: then it stays here, and is copied once more.
      this.#store.blobLeavesKv(sha256);
      await this.#use.kv.delete(blobKey(sha256));
      this.#store.deleteBlob(sha256, now - BLOB_GRACE_MS);
    }
  }

  #collection(now: number): Collection {
    return collect(this.#store.keptBlobs(), this.#store.namedBlobs(), now);
  }

  async #wakeBy(time: number): Promise<void> {
    const planned = await this.#use.storage.getAlarm();
    if (planned === null || planned > time) await this.#use.storage.setAlarm(time);
  }

  #registry(cluster: string): IsolateRegistry {
    const registry = this.#isolates.get(cluster) ?? new IsolateRegistry();
    this.#isolates.set(cluster, registry);
    return registry;
  }

  #refuse(cluster: string, fault: Fault): Refused {
    return { refused: refusalOf(fault, { current: this.#store.current(cluster) }) };
  }

  #trust(cluster: string): { edge: string; trusted: TrustedCluster | undefined } {
    const { edge, cluster: trusted } = this.#use.settings;
    return { edge, trusted: trusted.trust.name === cluster ? trusted : undefined };
  }
}

async function verify(jws: string, findKey: FindKey): Promise<{ pointer: Pointer } | { fault: Fault }> {
  if (jws.length > MAX_POINTER_LENGTH)
    return { fault: { rule: 'blob-size', message: `The pointer is longer than ${MAX_POINTER_LENGTH} characters.` } };
  try {
    return { pointer: await verifyPointer(jws, findKey) };
  } catch (error) {
    if (error instanceof NewerSchema) return { fault: newerSchema(error.schemaVersion) };
    if (error instanceof UntrustedDocument)
      return { fault: { rule: 'signature', message: `The pointer is not to be trusted: ${error.message}.` } };
    throw error;
  }
}

function notTrusted(cluster: string): Fault {
  return { rule: 'cluster', message: `FAIRLEAD_CLUSTERS does not list the cluster ${cluster}.` };
}
