import { SECTION_KINDS } from '../contract/routing-table.ts';
import type { Blob, Compilation, PublishGuards } from './compile/compilation.ts';
import { findRevision } from './guards/find-revision.ts';
import { intentionOf, revisionNotFound, type Hold } from './guards/hold.ts';
import { tableOf, type OldTable } from './guards/old-table.ts';
import { rollBack, unitedSecrets } from './guards/roll-back.ts';
import {
  lossesOf,
  serviceLosses,
  shrinkVerdict,
  tableDigest,
  type ShrinkMode,
  type ShrinkVerdict,
} from './guards/shrink.ts';
import { commonSchemaVersion, hashesOf, plan, type HeldTable, type Plan, type TableBlobs } from './plan.ts';
import { PublishFailure } from './publish/publish-failure.ts';
import type { EdgeReading, Published, Publisher } from './publish/publisher.ts';
import type { ResourceId } from './snapshot.ts';
import { entriesByResource, resourceChanges, type ResourceChanges } from './status/resource-changes.ts';
import { readHeldServices, type HeldServices } from './inference/held-sightings.ts';
import { replacedBuckets, tableDifference, type TableDifference } from './table-difference.ts';

export interface EdgeSessionOptions {
  readonly publisher: Publisher;
  /** The EdgeGateway. */
  readonly gateway: ResourceId;
  /** Origin. */
  readonly endpoint: string;
  readonly cluster: string;
  readonly clusterUid: string;
  readonly shrink: ShrinkMode;
}

/** How what the edge holds after a plan stands to what is compiled. */
export interface Standing {
  /** What keeps the one from the other; none: they are the same. */
  readonly hold: Hold | undefined;
  /** From what the edge holds to what is compiled. */
  readonly behind: TableDifference;
}

/** What is to be done so that the edge holds what it should. */
export type SessionPlan =
  | { readonly type: 'Stay'; readonly held: HeldTable | null; readonly standing: Standing }
  | SessionPublish;

export interface SessionPublish {
  readonly type: 'Publish';
  readonly publication: Extract<Plan, { type: 'Publish' }>;
  readonly standing: Standing;
  /** From what the edge holds now. */
  readonly difference: TableDifference;
  /** The same, by resource. */
  readonly changes: ResourceChanges;
  /** What another agent would have waited for a word for. */
  readonly warning?: string;
}

export interface SessionPublication extends Published, Pick<SessionPublish, 'difference' | 'changes' | 'warning'> {
  readonly replaced: HeldTable | null;
}

const NO_DIFFERENCE: TableDifference = new Map();
const AS_COMPILED: Standing = { hold: undefined, behind: NO_DIFFERENCE };

/** What is known of one edge from one pass to the next: what it holds, and the bytes of that. */
export class EdgeSession {
  readonly publisher: Publisher;
  readonly #options: EdgeSessionOptions;
  /** Absent: it must be read before anything is planned. */
  #reading: EdgeReading | undefined;
  #held: HeldTable | null = null;
  #heldBytes: ReadonlyMap<string, Uint8Array> = new Map();
  /** The revision that the edge is pinned to, which the edge may lose while it is. */
  #pinned: { readonly revision: string; readonly table: OldTable } | undefined;

  constructor(options: EdgeSessionOptions) {
    this.#options = options;
    this.publisher = options.publisher;
  }

  /** The last that was known to be there. */
  get held(): HeldTable | null {
    return this.#held;
  }

  /** The next plan begins with a look at the edge: after a failure, and now and then because hubs may be wiped. */
  forget(): void {
    this.#reading = undefined;
  }

  /** What the edge holds of services; undefined where it holds nothing that this agent's key signed. @throws {PublishFailure} */
  async heldServices(signal: AbortSignal): Promise<HeldServices | undefined> {
    const { held } = (this.#reading ??= await this.publisher.read(signal));
    if (held?.kid === undefined) return undefined;
    const { providers, models } = held.pointer.sections;
    const bytes = await this.#bytes([...providers, ...models], signal);
    const found = (hashes: readonly string[]) => hashes.flatMap((hash) => bytes.get(hash) ?? []);
    return readHeldServices({ providers: found(providers), models: found(models) });
  }

  /** @throws {PublishFailure} */
  async plan(compilation: Compilation, guards: PublishGuards, signal: AbortSignal): Promise<SessionPlan> {
    const reading = (this.#reading ??= await this.publisher.read(signal));
    this.#held = reading.held;
    const intention = intentionOf(guards, this.#options.gateway);
    if (intention.type !== 'GoBack') this.#pinned = undefined;
    switch (intention.type) {
      case 'Stay':
        return this.#stay(compilation, intention.hold, signal);
      case 'GoBack':
        return this.#goBack(compilation, reading, intention, signal);
      case 'GoForward':
        return this.#goForward(compilation, reading, guards, signal);
    }
  }

  /** @throws {PublishFailure} */
  async publish(planned: SessionPublish, signal: AbortSignal): Promise<SessionPublication> {
    const replaced = this.held;
    const { publication, difference, changes, warning } = planned;
    try {
      const published = await this.publisher.publish(publication, signal);
      this.#held = published.held;
      if (this.#reading) this.#reading = { ...this.#reading, held: published.held };
      this.#heldBytes = bytesOf(publication.blobs);
      return { ...published, replaced, difference, changes, ...(warning !== undefined && { warning }) };
    } catch (error) {
      this.forget();
      throw error;
    }
  }

  async #stay({ sections }: Compilation, hold: Hold, signal: AbortSignal): Promise<SessionPlan> {
    return { type: 'Stay', held: this.held, standing: { hold, behind: await this.#differenceTo(sections, signal) } };
  }

  async #goForward(
    compilation: Compilation,
    reading: EdgeReading,
    { allowShrink }: PublishGuards,
    signal: AbortSignal,
  ): Promise<SessionPlan> {
    const { sections, entries } = compilation;
    const blobs: TableBlobs = { ...sections, secrets: await this.publisher.seal(compilation.secrets) };
    const planned = plan(reading.held, { ...this.#desired(blobs), schemaVersion: this.#schemaVersion(reading) });
    if (planned.type === 'Unchanged') {
      // Of what the edge holds: they are needed once it is replaced, and are the very objects that are compiled.
      this.#heldBytes = bytesOf(SECTION_KINDS.flatMap((kind) => blobs[kind]));
      return { type: 'Stay', held: planned.held, standing: AS_COMPILED };
    }
    const difference = await this.#differenceTo(sections, signal);
    const changes = resourceChanges(difference, entries);
    const verdict = this.#shrinkVerdict(compilation, { changes, difference }, allowShrink);
    if (verdict.type === 'Wait')
      return { type: 'Stay', held: this.held, standing: { hold: verdict.hold, behind: difference } };
    const warning = verdict.type === 'PublishWarning' ? { warning: verdict.sentence } : {};
    return { type: 'Publish', publication: planned, standing: AS_COMPILED, difference, changes, ...warning };
  }

  async #goBack(
    compilation: Compilation,
    reading: EdgeReading,
    { revision, hold }: { readonly revision: string; readonly hold: Hold },
    signal: AbortSignal,
  ): Promise<SessionPlan> {
    const found = await this.#pinnedTable(revision, signal);
    if ('kept' in found)
      return this.#stay(compilation, revisionNotFound(this.#options.gateway, revision, found.kept), signal);
    const { sections, secrets, kept } = rollBack(found, compilation.usableProviders);
    const blobs: TableBlobs = { ...sections, secrets: unitedSecrets(await this.publisher.seal(secrets), kept) };
    const bytes = bytesOf(SECTION_KINDS.flatMap((kind) => blobs[kind]));
    const behind = tableDifference(hashesOf(blobs), (hash) => bytes.get(hash), compilation.sections);
    const schemaVersion = this.#schemaVersion(reading, found.schemaVersion);
    const planned = plan(reading.held, { ...this.#desired(blobs), schemaVersion, rollbackOf: revision });
    if (planned.type === 'Unchanged') return { type: 'Stay', held: planned.held, standing: { hold, behind } };
    const difference = await this.#differenceTo(sections, signal);
    const changes = resourceChanges(difference, entriesByResource(sections));
    return { type: 'Publish', publication: planned, standing: { hold, behind }, difference, changes };
  }

  #desired(blobs: TableBlobs) {
    const { endpoint: edge, cluster, clusterUid } = this.#options;
    return { edge, cluster, clusterUid, kid: this.publisher.kid, blobs };
  }

  /** @param wanted where the sections were written for one already. @throws {PublishFailure} */
  #schemaVersion({ reads: { schemaVersions } }: EdgeReading, wanted?: number): number {
    const version = commonSchemaVersion(
      wanted === undefined ? schemaVersions : schemaVersions.filter((v) => v === wanted),
    );
    if (version !== undefined) return version;
    const { endpoint } = this.#options;
    const common = schemaVersions.length === 0 ? 'no common version' : `version ${schemaVersions.join(', ')}`;
    const ours = wanted === undefined ? 'this agent writes another' : `the pinned revision has version ${wanted}`;
    throw new PublishFailure(
      'not-an-edge',
      `the workers of ${endpoint} all read ${common} of the routing table, and ${ours}: deploy a worker of the ` +
        'release of this agent (`npm run deploy`), or run an agent of theirs',
    );
  }

  #shrinkVerdict(
    { sections, counts }: Compilation,
    { changes, difference }: Pick<SessionPublish, 'changes' | 'difference'>,
    allowShrink: string | undefined,
  ): ShrinkVerdict {
    const { gateway, shrink: mode } = this.#options;
    const losses = lossesOf(changes, counts, serviceLosses(difference, sections.models));
    return shrinkVerdict({ gateway, losses, digest: tableDigest(sections), allowShrink, mode });
  }

  /** @returns all of a revision, or what the edge keeps in its place */
  async #pinnedTable(revision: string, signal: AbortSignal): Promise<OldTable | { kept: readonly string[] }> {
    if (this.#pinned?.revision === revision) return this.#pinned.table;
    const found = await findRevision(revision, this.held, () => this.publisher.history(signal));
    if ('kept' in found) return found;
    const bytes = await this.#bytes(
      SECTION_KINDS.flatMap((kind) => found.pointer.sections[kind]),
      signal,
    );
    const table = tableOf(found.pointer, bytes);
    if (!table) {
      const { revisions } = await this.publisher.history(signal);
      return { kept: revisions.flatMap((kept) => (kept.revision === revision ? [] : [kept.revision])) };
    }
    this.#pinned = { revision, table };
    return table;
  }

  async #differenceTo(sections: Compilation['sections'], signal: AbortSignal): Promise<TableDifference> {
    const held = this.#held?.pointer.sections;
    const bytes = held ? await this.#bytes(replacedBuckets(held, sections), signal) : new Map<string, Uint8Array>();
    return tableDifference(held, (hash) => bytes.get(hash), sections);
  }

  /** Of blobs that the edge has. After a start only the edge knows what the table before said. */
  async #bytes(hashes: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, Uint8Array>> {
    const unknown = hashes.filter((hash) => !this.#heldBytes.has(hash));
    if (unknown.length > 0)
      this.#heldBytes = new Map([...this.#heldBytes, ...(await this.publisher.readBlobs(unknown, signal))]);
    return this.#heldBytes;
  }
}

function bytesOf(blobs: readonly Blob[]): ReadonlyMap<string, Uint8Array> {
  return new Map(blobs.map(({ sha256, bytes }) => [sha256, bytes]));
}
