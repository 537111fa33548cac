import { createHash } from 'node:crypto';
import type { TermGrant } from '../../contract/publish-api.ts';
import { compareGenerations, generationName, sameGeneration } from '../../contract/revision.ts';
import { pointer, type Generation, type Pointer } from '../../contract/routing-table.ts';
import type { PollAnswer, PollQuestion, Refused } from '../../worker/table/hub-protocol.ts';
import { tableWith } from './model-tables.ts';
import { isAbove, type Broken } from './broken-law.ts';

/** The current revision and the ten before it. */
const KEPT_REVISIONS = 11;

export interface Admitted {
  readonly revision: string;
  readonly jws: string;
  readonly pointer: Pointer;
  /** Id of the key. */
  readonly signedBy: string;
  /** Number of the table that it names; undefined: nobody made such a table. */
  readonly table: number | undefined;
}

interface Report {
  readonly revision: string | null;
  readonly heardAt: number;
}

/** What the hub knows of one cluster since its last wipe, kept independently of it. */
interface EraOfCluster {
  readonly terms: Set<number>;
  /** The highest generation that it was told of, by a report or a claim, or has admitted. */
  highest: Generation | null;
  /** What the hub keeps whole, the newest first. */
  readonly kept: Admitted[];
  readonly sinceWipe: Map<string, Admitted>;
  /** Up to here the cluster was evicted. */
  evicted: Generation | null;
  /** The latest that each isolate said. */
  readonly reports: Map<string, Report>;
}

/** Everything that the hub has granted, admitted and been told, and the laws that it has to keep while it does so. */
export class Ledger {
  readonly admitted = new Map<string, Admitted>();
  /** In the order of admission. */
  readonly history: Admitted[] = [];
  readonly #now: () => number;
  readonly #broken: Broken;
  #eras = new Map<string, EraOfCluster>();

  constructor(now: () => number, broken: Broken) {
    this.#now = now;
    this.#broken = broken;
  }

  of(cluster: string): EraOfCluster {
    const era = this.#eras.get(cluster) ?? {
      terms: new Set(),
      highest: null,
      kept: [],
      sinceWipe: new Map(),
      evicted: null,
      reports: new Map(),
    };
    this.#eras.set(cluster, era);
    return era;
  }

  wiped(): void {
    this.#eras = new Map();
  }

  /** @param known generations that the hub could know of besides what it was told before */
  granted(cluster: string, known: readonly (Generation | null)[], grant: TermGrant | Refused): void {
    if ('refused' in grant) return;
    const era = this.of(cluster);
    const { term } = grant;
    if (era.terms.has(term)) this.#broken(`term ${term} of ${cluster} was granted twice`);
    for (const generation of known) this.#knows(era, generation);
    if (era.highest && term <= era.highest.term)
      this.#broken(`term ${term} of ${cluster} was granted, the hub knew of ${generationName(era.highest)}`);
    era.terms.add(term);
  }

  /** The hub keeps a signed pointer: it has admitted it, by whatever way it came. */
  admits(jws: string): void {
    const pointer = pointerIn(jws);
    const { cluster, generation } = pointer;
    const era = this.of(cluster);
    if (!isAbove(generation, era.highest))
      this.#broken(`${generationName(generation)} of ${cluster} was admitted, the hub knew of ${nameOf(era.highest)}`);
    if (!era.terms.has(generation.term)) this.#broken(`${generationName(generation)} of ${cluster}: an ungranted term`);
    if ([...era.terms].some((term) => term > generation.term))
      this.#broken(`${generationName(generation)} of ${cluster} was admitted after its term had ended`);
    const before = era.kept[0]?.pointer.generation ?? null;
    if (!sameGeneration(pointer.replaces, before))
      this.#broken(`${generationName(generation)} of ${cluster} was made from another table than ${nameOf(before)}`);
    const revision = createHash('sha256').update(jws).digest('hex').slice(0, 12);
    const table = tableWith(pointer.sections)?.number;
    const entry = { revision, jws, pointer, signedBy: String(partOf(jws, 0)['kid']), table };
    era.sinceWipe.set(revision, entry);
    era.kept.unshift(entry);
    era.kept.splice(KEPT_REVISIONS);
    era.evicted = null;
    this.#knows(era, generation);
    this.admitted.set(entry.revision, entry);
    this.history.push(entry);
  }

  evicted(cluster: string): void {
    const era = this.of(cluster);
    era.evicted = era.highest;
    era.kept.length = 0;
  }

  heard({ isolate, clusters }: PollQuestion): void {
    for (const [cluster, { serving }] of Object.entries(clusters)) {
      const era = this.of(cluster);
      era.reports.set(isolate, { revision: serving?.revision ?? null, heardAt: this.#now() });
      this.#knows(era, serving?.generation ?? null);
    }
  }

  /** What the hub says must be what it admitted last, of this era. */
  answered({ clusters }: PollAnswer): void {
    for (const [cluster, news] of Object.entries(clusters)) {
      const newest = this.of(cluster).kept[0];
      if (news.revision !== (newest?.revision ?? null))
        this.#broken(`the hub calls ${news.revision} the newest of ${cluster}, it admitted ${newest?.revision} last`);
    }
  }

  #knows(era: EraOfCluster, generation: Generation | null): void {
    if (generation && (!era.highest || compareGenerations(generation, era.highest) > 0)) era.highest = generation;
  }
}

export function nameOf(generation: Generation | null): string {
  return generation ? generationName(generation) : 'nothing';
}

function pointerIn(jws: string): Pointer {
  return pointer.parse(partOf(jws, 1));
}

function partOf(jws: string, part: 0 | 1): Record<string, unknown> {
  const json: Record<string, unknown> = JSON.parse(Buffer.from(jws.split('.')[part] ?? '', 'base64url').toString());
  return json;
}
