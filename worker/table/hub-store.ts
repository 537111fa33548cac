import { base64url } from 'jose';
import { compareGenerations } from '../../contract/revision.ts';
import type { InboxKind } from '../../contract/publish-api.ts';
import type { Generation, Pointer } from '../../contract/routing-table.ts';
import { BlobStore, TOUCH_EVERY_MS } from './blob-store.ts';
import { HubDatabase, type HubStorage } from './hub-database.ts';
import { BLOB_GRACE_MS, KEPT_REVISIONS } from './retention.ts';

export interface KeptPointer {
  readonly generation: Generation;
  readonly revision: string;
  readonly jws: string;
  /** Milliseconds since the epoch. */
  readonly admittedAt: number;
}

export interface KnownCluster {
  readonly pinnedUid: string | null;
  readonly grantedTerm: number;
  /** The highest generation that anybody was heard to have of it. */
  readonly floor: Generation | null;
  readonly evicted: boolean;
}

type PointerRow = { term: number; sequence: number; revision: string; jws: string; admitted_at: number };

/** The hub's memory of clusters and their revisions: short statements, no decisions. */
export class HubStore {
  readonly blobs: BlobStore;
  readonly #database: HubDatabase;

  constructor(storage: HubStorage) {
    this.#database = new HubDatabase(storage);
    this.blobs = new BlobStore(this.#database);
  }

  cluster(name: string): KnownCluster {
    const [row] = this.#database.rows<{
      uid: string | null;
      term: number;
      floor_term: number | null;
      floor_sequence: number | null;
      evicted: number;
    }>('SELECT uid, term, floor_term, floor_sequence, evicted FROM clusters WHERE name = ?', name);
    const remembered =
      row && row.floor_term !== null && row.floor_sequence !== null
        ? { term: row.floor_term, sequence: row.floor_sequence }
        : null;
    return {
      pinnedUid: row?.uid ?? null,
      grantedTerm: row?.term ?? 0,
      floor: higher(remembered, this.current(name)?.generation ?? null),
      evicted: row?.evicted === 1,
    };
  }

  grantTerm(cluster: string, term: number): void {
    this.#database.run(
      'INSERT INTO clusters (name, term) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET term = excluded.term',
      cluster,
      term,
    );
  }

  /** Remembers that this generation exists. */
  raiseFloor(cluster: string, generation: Generation): void {
    const { floor } = this.cluster(cluster);
    if (!floor || compareGenerations(generation, floor) > 0) this.#rememberFloor(cluster, generation);
  }

  /** Nothing more is admitted under this term: its publisher has to claim another. */
  spendTerm(cluster: string, term: number): void {
    this.raiseFloor(cluster, { term, sequence: Number.MAX_SAFE_INTEGER });
  }

  /** The pointers that are kept of a cluster, the newest first. */
  pointers(cluster: string, atMost = KEPT_REVISIONS): KeptPointer[] {
    return this.#database
      .rows<PointerRow>(
        `SELECT term, sequence, revision, jws, admitted_at FROM pointers
         WHERE cluster = ? ORDER BY term DESC, sequence DESC LIMIT ?`,
        cluster,
        atMost,
      )
      .map(keptPointer);
  }

  current(cluster: string): KeptPointer | null {
    return this.pointers(cluster, 1)[0] ?? null;
  }

  /** The newest revision of these schema versions; its text is left out where the asker has it. */
  newest(cluster: string, versions: readonly number[], unless: string | null) {
    const [row] = this.#database.rows<{ term: number; sequence: number; revision: string; jws: string | null }>(
      `SELECT term, sequence, revision, CASE WHEN revision = ? THEN NULL ELSE jws END AS jws FROM pointers
       WHERE cluster = ? AND schema_version IN (SELECT value FROM json_each(?))
       ORDER BY term DESC, sequence DESC LIMIT 1`,
      unless,
      cluster,
      JSON.stringify(versions),
    );
    if (!row) return null;
    const { revision, jws, term, sequence } = row;
    return { revision, jws, generation: { term, sequence } };
  }

  /** Makes a pointer the current one, pins the cluster's UID, and lets go of what falls out of what is kept. */
  advance(pointer: Pointer, { revision, jws }: Pick<KeptPointer, 'revision' | 'jws'>, now: number): void {
    const { cluster, clusterUid, generation, schemaVersion } = pointer;
    this.#database.atOnce(() => {
      const ordinal = this.#lastOrdinal() + 1;
      this.#database.run(
        'UPDATE clusters SET uid = ?, evicted = 0, ordinal = ? WHERE name = ?',
        clusterUid,
        ordinal,
        cluster,
      );
      this.#database.run(
        `INSERT INTO pointers (cluster, term, sequence, revision, schema_version, jws, admitted_at, ordinal)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
        cluster,
        generation.term,
        generation.sequence,
        revision,
        schemaVersion,
        jws,
        now,
        ordinal,
      );
      this.#database.run(
        `UPDATE blobs SET first_named = coalesce(first_named, ?), last_named = NULL
         WHERE (first_named IS NULL OR last_named IS NOT NULL) AND sha256 IN (SELECT value FROM json_each(?))`,
        ordinal,
        JSON.stringify(hashesOf(jws)),
      );
      const kept = this.pointers(cluster, Number.MAX_SAFE_INTEGER);
      for (const dropped of kept.slice(KEPT_REVISIONS)) this.#release(cluster, dropped, now);
    });
  }

  /** Lets go of all that a cluster published, and of its UID; what was granted before is worth nothing from then on. */
  evict(cluster: string, now: number): void {
    this.#database.atOnce(() => {
      const { floor, grantedTerm } = this.cluster(cluster);
      for (const pointer of this.pointers(cluster, Number.MAX_SAFE_INTEGER)) this.#release(cluster, pointer, now);
      const fence = Math.max(grantedTerm, floor?.term ?? 0) + 1;
      this.grantTerm(cluster, fence);
      // Nobody was granted it, and nobody may publish under it: a pointer that waits in an inbox could be of any term.
      this.spendTerm(cluster, fence);
      // KV may hold a pointer of which this hub knows nothing: it is deleted in any case.
      this.#database.run('DELETE FROM inboxes WHERE cluster = ?', cluster);
      this.#database.run(
        `UPDATE clusters SET uid = NULL, evicted = 1, copied_revision = coalesce(copied_revision, '') WHERE name = ?`,
        cluster,
      );
    });
  }

  /** An isolate serves this revision: where it is kept no longer, its blobs are. */
  reported(cluster: string, revision: string, now: number): void {
    this.#database.run(
      `UPDATE released SET reported_at = ?
       WHERE cluster = ? AND revision = ? AND (reported_at IS NULL OR reported_at < ?)`,
      now,
      cluster,
      revision,
      now - TOUCH_EVERY_MS,
    );
  }

  /** Forgets released revisions whose blobs nobody can count on any more. */
  forgetReleased(now: number): void {
    this.#database.run(
      'DELETE FROM released WHERE max(released_at, coalesce(reported_at, 0)) < ?',
      now - BLOB_GRACE_MS - TOUCH_EVERY_MS,
    );
  }

  /** Hashes that a kept pointer of any cluster names. */
  namedBlobs(): Set<string> {
    const rows = this.#database.rows<{ jws: string }>('SELECT jws FROM pointers');
    return new Set(rows.flatMap(({ jws }) => hashesOf(jws)));
  }

  /** Clusters of which KV does not have the current pointer, or has one that is to go; that it is then null. */
  uncopied(): { cluster: string; current: KeptPointer | null }[] {
    return this.#database
      .rows<{ name: string; copied_revision: string | null }>('SELECT name, copied_revision FROM clusters')
      .map(({ name, copied_revision }) => ({ cluster: name, copied_revision, current: this.current(name) }))
      .filter(({ copied_revision, current }) => copied_revision !== (current?.revision ?? null))
      .map(({ cluster, current }) => ({ cluster, current }));
  }

  /**
   * KV does not have these blobs any more, or not as they were copied.
   *
   * @returns whether any was copied before `before`, so that KV should show it: all of them are copied once more then
   */
  lostInKv(hashes: readonly string[], before: number): boolean {
    if (!this.blobs.anyCopiedBefore(before, hashes)) return false;
    // Where some are gone, others and the pointers may be.
    this.blobs.copyAgain(before);
    this.#database.run("UPDATE clusters SET copied_revision = '' WHERE copied_revision IS NOT NULL");
    return true;
  }

  /** @param revision what KV has now; null: nothing */
  pointerCopied(cluster: string, revision: string | null): void {
    this.#database.run('UPDATE clusters SET copied_revision = ? WHERE name = ?', revision, cluster);
  }

  /** Whether a cluster's publisher has ever put anything into this inbox. */
  inboxUsed(cluster: string, kind: InboxKind): boolean {
    return this.#inbox(cluster, kind) !== undefined;
  }

  useInbox(cluster: string, kind: InboxKind): void {
    this.#database.run('INSERT OR IGNORE INTO inboxes (cluster, kind) VALUES (?, ?)', cluster, kind);
  }

  /** What of an inbox was refused last: see take-from-inbox.ts. */
  refusedOfInbox(cluster: string, kind: InboxKind): string | null {
    return this.#inbox(cluster, kind)?.refused ?? null;
  }

  refuseOfInbox(cluster: string, kind: InboxKind, refused: string | null): void {
    this.useInbox(cluster, kind);
    this.#database.run('UPDATE inboxes SET refused = ? WHERE cluster = ? AND kind = ?', refused, cluster, kind);
  }

  #inbox(cluster: string, kind: InboxKind): { refused: string | null } | undefined {
    const statement = 'SELECT refused FROM inboxes WHERE cluster = ? AND kind = ?';
    return this.#database.rows<{ refused: string | null }>(statement, cluster, kind)[0];
  }

  #rememberFloor(cluster: string, { term, sequence }: Generation): void {
    this.#database.run(
      `INSERT INTO clusters (name, floor_term, floor_sequence) VALUES (?, ?, ?)
       ON CONFLICT (name) DO UPDATE SET floor_term = excluded.floor_term, floor_sequence = excluded.floor_sequence`,
      cluster,
      term,
      sequence,
    );
  }

  /** Ordinal of the latest admission of any cluster. Clusters are never forgotten, so that it only grows. */
  #lastOrdinal(): number {
    const [row] = this.#database.rows<{ ordinal: number | null }>('SELECT max(ordinal) AS ordinal FROM clusters');
    return row?.ordinal ?? 0;
  }

  #release(cluster: string, { generation, jws }: KeptPointer, now: number): void {
    const { term, sequence } = generation;
    const place = [cluster, term, sequence];
    this.#database.run(
      `INSERT OR REPLACE INTO released (cluster, revision, ordinal, released_at)
       SELECT cluster, revision, ordinal, ? FROM pointers WHERE cluster = ? AND term = ? AND sequence = ?`,
      now,
      ...place,
    );
    this.#database.run('DELETE FROM pointers WHERE cluster = ? AND term = ? AND sequence = ?', ...place);
    const named = this.namedBlobs();
    const released = hashesOf(jws).filter((sha256) => !named.has(sha256));
    // Another cluster may have named it later than this revision did: by now nobody does.
    this.#database.run(
      `UPDATE blobs SET needed_at = ?, first_named = coalesce(first_named, 0), last_named = ?
       WHERE sha256 IN (SELECT value FROM json_each(?))`,
      now,
      this.#lastOrdinal(),
      JSON.stringify(released),
    );
  }
}

function keptPointer({ term, sequence, revision, jws, admitted_at }: PointerRow): KeptPointer {
  return { generation: { term, sequence }, revision, jws, admittedAt: admitted_at };
}

function higher(a: Generation | null, b: Generation | null): Generation | null {
  if (a === null || b === null) return a ?? b;
  return compareGenerations(a, b) < 0 ? b : a;
}

/** The pointer in a text that was verified when it was admitted. */
export function admittedPointer(jws: string): Pointer {
  const payload = new TextDecoder().decode(base64url.decode(jws.split('.')[1] ?? ''));
  const pointer: Pointer = JSON.parse(payload);
  return pointer;
}

export function hashesOf(jws: string): string[] {
  return Object.values(admittedPointer(jws).sections).flat();
}
