import { KNOWN_FEATURES } from '../../contract/features.ts';
import type {
  Admission,
  ClusterHistory,
  HubState,
  InboxNotice,
  TermClaim,
  TermGrant,
} from '../../contract/publish-api.ts';
import { compareGenerations, revisionOf } from '../../contract/revision.ts';
import { KNOWN_SCHEMA_VERSIONS } from '../../contract/schema-version.ts';
import type { SignalReport } from '../../contract/signals.ts';
import { pointerFault, refusalOf, uidFault, type Fault } from './admission.ts';
import { admitPointer, type VerifiedPush } from './admit-pointer.ts';
import { blobFault } from './blob-fault.ts';
import { ClusterConflicts } from './cluster-conflicts.ts';
import { collectBlobs, collection } from './collect-blobs.ts';
import { KV_LAG_MS, KvCopies, RECOPY_EVERY_MS } from './copy-to-kv.ts';
import { floorInKv } from './floor-in-kv.ts';
import { HubInboxes } from './hub-inboxes.ts';
import type {
  ClusterNews,
  ClusterReport,
  HubClient,
  InboxOutcome,
  PollAnswer,
  PollQuestion,
  Refused,
  StoredBlob,
} from './hub-protocol.ts';
import type { HubStorage } from './hub-database.ts';
import { admittedPointer, hashesOf, HubStore, type KeptPointer } from './hub-store.ts';
import type { Inboxes } from './inbox.ts';
import { IsolateRegistry, reportOn } from './isolate-registry.ts';
import { HubSignals } from './hub-signals.ts';
import { nextPollMs, staleAfterMs } from './next-poll.ts';
import { BLOB_GRACE_MS } from './retention.ts';
import type { TableLog } from './table-log.ts';
import { findCluster, type TableSettings, type TrustedCluster } from './table-settings.ts';
import { verifyPush } from './verify-push.ts';

export interface HubDependencies {
  readonly settings: TableSettings;
  readonly storage: HubStorage & Pick<DurableObjectStorage, 'getAlarm' | 'setAlarm'>;
  readonly kv: Pick<KVNamespace, 'put' | 'delete'> & { get(key: string, type: 'text'): Promise<string | null> };
  readonly inboxes: Inboxes;
  readonly log: TableLog;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** From 0 up to 1. */
  readonly random: () => number;
}

/** Bytes of blobs in one answer; a call may carry 32 MiB. */
const ANSWER_BYTES = 16 * 1024 * 1024;

/** Between two turns of what is not finished, in milliseconds; longer where KV fails. */
const PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;

/**
 * The gate and the memory of the edge. It admits what agents publish, keeps it, and tells isolates what is newest.
 * What it decides stands in admission.ts, retention.ts and next-poll.ts, what it remembers in hub-store.ts; hub-object.ts
 * makes it a Durable Object.
 */
export class Hub implements HubClient {
  readonly #use: HubDependencies;
  readonly #store: HubStore;
  readonly #conflicts: ClusterConflicts;
  readonly #inboxes: HubInboxes;
  readonly #copies: KvCopies;
  readonly #isolates = new IsolateRegistry();
  readonly #signals = new HubSignals();
  #failedTurns = 0;

  constructor(dependencies: HubDependencies) {
    this.#use = dependencies;
    this.#store = new HubStore(dependencies.storage);
    this.#conflicts = new ClusterConflicts(this.#store);
    this.#copies = new KvCopies(this.#store, dependencies.kv, dependencies.now);
    this.#inboxes = new HubInboxes({
      ...dependencies,
      store: this.#store,
      check: (trusted, jws) => this.#check(trusted, jws),
      admit: (trusted, push) => this.#admit(trusted, push),
    });
  }

  async claimTerm(cluster: string, { clusterUid, floor: claimed }: TermClaim): Promise<TermGrant | Refused> {
    const trusted = findCluster(this.#use.settings, cluster);
    if (!trusted) return this.#refuse(cluster, notTrusted(cluster));
    const { kv, settings, log } = this.#use;
    const copied = await floorInKv(kv, settings.edge, trusted, log);
    const { pinnedUid, grantedTerm } = this.#store.cluster(cluster);
    const fault = uidFault(clusterUid, { trust: trusted.trust, pinnedUid });
    if (fault) return this.#refuse(cluster, fault);
    for (const known of [copied, claimed]) if (known) this.#store.raiseFloor(cluster, known);
    const term = Math.max(grantedTerm, this.#store.cluster(cluster).floor?.term ?? 0) + 1;
    this.#store.grantTerm(cluster, term);
    return { term };
  }

  async missingBlobs(hashes: readonly string[]): Promise<string[]> {
    return this.#store.blobs.missing(hashes, this.#use.now());
  }

  async putBlob(sha256: string, bytes: Uint8Array<ArrayBuffer>): Promise<Fault | undefined> {
    const fault = await blobFault(sha256, bytes);
    if (fault) return fault;
    const now = this.#use.now();
    this.#store.blobs.put(sha256, bytes.slice().buffer, now);
    await this.#wakeBy(now + BLOB_GRACE_MS);
    return undefined;
  }

  async getBlobs(hashes: readonly string[], asker: 'agent' | 'isolate'): Promise<StoredBlob[]> {
    const now = this.#use.now();
    // Isolates ask here for what is young, and else for what KV has lost: that is mended, and the pointer with it.
    if (asker === 'isolate' && this.#store.lostInKv(hashes, now - RECOPY_EVERY_MS)) await this.#wakeBy(now + PAUSE_MS);
    return this.#store.blobs.some(hashes, ANSWER_BYTES);
  }

  async admit(cluster: string, jws: string): Promise<Admission | Refused> {
    const trusted = findCluster(this.#use.settings, cluster);
    if (!trusted) return this.#refuse(cluster, notTrusted(cluster));
    const push = await verifiedPush(trusted, jws);
    return 'fault' in push ? this.#refuse(cluster, push.fault) : this.#admit(trusted, push);
  }

  async admitFromInbox(cluster: string, notice: InboxNotice): Promise<InboxOutcome> {
    const trusted = findCluster(this.#use.settings, cluster);
    if (!trusted) return this.#refuse(cluster, notTrusted(cluster));
    const outcome = await this.#inboxes.notice(trusted, notice);
    const next = this.#inboxes.nextLook(this.#use.settings.clusters);
    if (next !== null) await this.#wakeBy(next);
    return outcome;
  }

  async state(cluster: string): Promise<HubState> {
    const now = this.#use.now();
    const current = this.#store.current(cluster);
    const { grantedTerm, floor } = this.#store.cluster(cluster);
    const clusters = this.#use.settings.clusters.map(({ trust }) => trust.name);
    return {
      current: current && described(current),
      term: grantedTerm,
      floor,
      reads: this.#isolates.reads({ schemaVersions: [...KNOWN_SCHEMA_VERSIONS], features: [...KNOWN_FEATURES] }, now),
      ...this.#isolates.summary(cluster, now),
      conflicts: this.#conflicts.of(cluster, clusters),
    };
  }

  async history(cluster: string): Promise<ClusterHistory> {
    const revisions = this.#store.pointers(cluster).map((kept) => ({
      ...described(kept),
      admittedAt: new Date(kept.admittedAt).toISOString(),
    }));
    return { revisions };
  }

  async evict(cluster: string): Promise<void> {
    const now = this.#use.now();
    this.#store.evict(cluster, now);
    this.#signals.forget(cluster);
    await this.#use.storage.setAlarm(now);
  }

  async takeSignals(cluster: string, report: SignalReport): Promise<void> {
    this.#signals.take(cluster, report, this.#use.now());
  }

  async poll(question: PollQuestion): Promise<PollAnswer> {
    const { settings, random } = this.#use;
    const now = this.#use.now();
    const pollMs = nextPollMs({
      local: settings.local,
      isolates: this.#isolates.countWith(question.isolate, now),
      random: random(),
    });
    const timing = { nextPollMs: pollMs, staleAfterMs: staleAfterMs(pollMs) };
    this.#isolates.hear(question, now, timing.staleAfterMs);
    const clusters: Record<string, ClusterNews> = {};
    for (const { trust } of settings.clusters) {
      const report = reportOn(trust.name, question);
      if (report) clusters[trust.name] = this.#news(trust.name, report, question.knownSchemaVersions, now);
    }
    await this.#wakeToLook();
    return { clusters, ...timing };
  }

  /** Copies to KV, collects what nobody needs, looks into inboxes. What fails is tried again, later each time. */
  async alarm(): Promise<void> {
    const { kv, now, log, settings } = this.#use;
    try {
      await this.#copies.catchUp();
      await collectBlobs(this.#store, kv, now());
      this.#failedTurns = 0;
    } catch (error) {
      this.#failedTurns++;
      log('warn', 'KV cannot be written; trying again', { error: String(error) });
    }
    await this.#inboxes.look(settings.clusters);
    const { next, expired } = collection(this.#store, now());
    const pause = Math.min(LONGEST_PAUSE_MS, PAUSE_MS * 2 ** this.#failedTurns);
    const unfinished = expired.length > 0 || this.#store.uncopied().length > 0;
    const look = this.#inboxes.nextLook(settings.clusters);
    const times = [unfinished ? now() + pause : null, next, look].filter((time) => time !== null);
    if (times.length > 0) await this.#wakeBy(Math.min(...times));
  }

  /** What an isolate is told about one cluster. What it says of it is remembered first. */
  #news(cluster: string, { serving }: ClusterReport, versions: readonly number[], now: number): ClusterNews {
    const newest = this.#store.newest(cluster, versions, serving?.revision ?? null);
    if (serving && serving.revision !== newest?.revision) {
      this.#store.reported(cluster, serving.revision, now);
      this.#store.raiseFloor(cluster, serving.generation);
      // Two revisions of one generation, as after a wipe of which nobody knew: no isolate would ever change over.
      if (newest && compareGenerations(serving.generation, newest.generation) === 0)
        this.#store.spendTerm(cluster, newest.generation.term);
    }
    const signals = this.#signals.of(cluster, now);
    if (!newest) {
      const { floor, evicted } = this.#store.cluster(cluster);
      if (this.#store.current(cluster) === null) this.#inboxes.miss(cluster);
      return { revision: null, recent: [], floor, evicted, signals };
    }
    const { revision, jws, generation } = newest;
    const known = { revision, floor: generation, evicted: false, signals };
    if (jws === null) return { ...known, recent: [] };
    return { ...known, jws, recent: this.#store.blobs.copiedLaterThan(now - KV_LAG_MS, hashesOf(jws)) };
  }

  async #admit({ trust }: TrustedCluster, push: VerifiedPush): Promise<Admission | Refused> {
    const now = this.#use.now();
    const outcome = admitPointer(this.#store, { edge: this.#use.settings.edge, trust }, push, now);
    // Without a pause since the admission: both are written, or neither.
    if ('changed' in outcome && outcome.changed) await this.#use.storage.setAlarm(now);
    return outcome;
  }

  /** What can be told of a text before its blobs are there. */
  async #check(trusted: TrustedCluster, jws: string): Promise<VerifiedPush | { readonly fault: Fault }> {
    const push = await verifiedPush(trusted, jws);
    const { trust } = trusted;
    const current = this.#store.current(trust.name);
    if ('fault' in push || current?.jws === jws) return push;
    const view = { edge: this.#use.settings.edge, trust, current, ...this.#store.cluster(trust.name) };
    const fault = pointerFault(push.pointer, view);
    return fault ? { fault } : push;
  }

  async #wakeToLook(): Promise<void> {
    const next = this.#inboxes.nextLook(this.#use.settings.clusters);
    if (next !== null && this.#inboxes.due()) await this.#wakeBy(next);
  }

  async #wakeBy(time: number): Promise<void> {
    const planned = await this.#use.storage.getAlarm();
    if (planned === null || planned > time) await this.#use.storage.setAlarm(time);
  }

  #refuse(cluster: string, fault: Fault): Refused {
    return { refused: refusalOf(fault, { current: this.#store.current(cluster) }) };
  }
}

async function verifiedPush(
  { findKey }: TrustedCluster,
  jws: string,
): Promise<VerifiedPush | { readonly fault: Fault }> {
  const verified = await verifyPush(jws, findKey);
  return 'fault' in verified ? verified : { jws, revision: await revisionOf(jws), pointer: verified.pointer };
}

function described({ revision, jws }: KeptPointer): NonNullable<HubState['current']> {
  return { revision, jws, pointer: admittedPointer(jws) };
}

function notTrusted(cluster: string): Fault {
  return { rule: 'cluster', message: `FAIRLEAD_CLUSTERS does not list the cluster ${cluster}.` };
}
