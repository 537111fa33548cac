import { base64url } from 'jose';
import { SCHEMA_VERSION, type BucketedKind, type Generation, type Pointer } from '../../contract/routing-table.ts';
import { bucketFacts, type BucketFacts } from './bucket-facts.ts';
import { KEPT_REVISIONS, type KeptBlob } from './retention.ts';

/**
 * A blob is at most MAX_BUCKET_BYTES and a pointer at most MAX_POINTER_LENGTH, so that each fits into one row: a row
 * of a Durable Object may have 2 MB. Everything of a table stands under its cluster; blobs are whoever's names them.
 */
const TABLES = `
  CREATE TABLE IF NOT EXISTS clusters (
    name TEXT PRIMARY KEY, uid TEXT, term INTEGER NOT NULL DEFAULT 0, copied_revision TEXT
  );
  CREATE TABLE IF NOT EXISTS pointers (
    cluster TEXT NOT NULL, term INTEGER NOT NULL, sequence INTEGER NOT NULL,
    revision TEXT NOT NULL, schema_version INTEGER NOT NULL, jws TEXT NOT NULL,
    PRIMARY KEY (cluster, term, sequence)
  );
  CREATE TABLE IF NOT EXISTS blobs (
    sha256 TEXT PRIMARY KEY, bytes BLOB NOT NULL, needed_at INTEGER NOT NULL, copied_at INTEGER
  );
  CREATE TABLE IF NOT EXISTS facts (
    sha256 TEXT NOT NULL, kind TEXT NOT NULL, schema_version INTEGER NOT NULL, facts TEXT NOT NULL,
    PRIMARY KEY (sha256, kind, schema_version)
  );`;

/** A blob that is still needed is written as such at most once an hour: rows written are counted and charged. */
const TOUCH_EVERY_MS = 3_600_000;

export interface KeptPointer {
  readonly generation: Generation;
  readonly revision: string;
  readonly jws: string;
}

/** The hub's memory: short statements, no decisions. All of it is synchronous, so that an admission is atomic. */
export class HubStore {
  readonly #storage: Pick<DurableObjectStorage, 'sql' | 'transactionSync'>;

  constructor(storage: Pick<DurableObjectStorage, 'sql' | 'transactionSync'>) {
    this.#storage = storage;
    storage.sql.exec(TABLES);
  }

  cluster(name: string): { pinnedUid: string | null; grantedTerm: number } {
    const [row] = this.#rows<{ uid: string | null; term: number }>(
      'SELECT uid, term FROM clusters WHERE name = ?',
      name,
    );
    return { pinnedUid: row?.uid ?? null, grantedTerm: row?.term ?? 0 };
  }

  grantTerm(cluster: string, term: number): void {
    this.#run(
      'INSERT INTO clusters (name, term) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET term = excluded.term',
      cluster,
      term,
    );
  }

  /** The pointers that are kept of a cluster, the newest first. */
  pointers(cluster: string): KeptPointer[] {
    return this.#rows<{ term: number; sequence: number; revision: string; jws: string }>(
      'SELECT term, sequence, revision, jws FROM pointers WHERE cluster = ? ORDER BY term DESC, sequence DESC',
      cluster,
    ).map(({ term, sequence, revision, jws }) => ({ generation: { term, sequence }, revision, jws }));
  }

  current(cluster: string): KeptPointer | null {
    const [row] = this.#rows<{ term: number; sequence: number; revision: string; jws: string }>(
      'SELECT term, sequence, revision, jws FROM pointers WHERE cluster = ? ORDER BY term DESC, sequence DESC LIMIT 1',
      cluster,
    );
    if (!row) return null;
    return { generation: { term: row.term, sequence: row.sequence }, revision: row.revision, jws: row.jws };
  }

  /** The newest revision of these schema versions; its text is left out where the asker has it. */
  newest(cluster: string, versions: readonly number[], unless: string | null) {
    const [row] = this.#rows<{ revision: string; jws: string | null }>(
      `SELECT revision, CASE WHEN revision = ? THEN NULL ELSE jws END AS jws FROM pointers
       WHERE cluster = ? AND schema_version IN (SELECT value FROM json_each(?))
       ORDER BY term DESC, sequence DESC LIMIT 1`,
      unless,
      cluster,
      JSON.stringify(versions),
    );
    return row ?? null;
  }

  /** Makes a pointer the current one, pins the cluster's UID, and lets go of what falls out of what is kept. */
  advance(pointer: Pointer, { revision, jws }: Pick<KeptPointer, 'revision' | 'jws'>, now: number): void {
    const { cluster, clusterUid, generation, schemaVersion } = pointer;
    this.#storage.transactionSync(() => {
      this.#run('UPDATE clusters SET uid = ? WHERE name = ? AND uid IS NULL', clusterUid, cluster);
      this.#run(
        'INSERT INTO pointers (cluster, term, sequence, revision, schema_version, jws) VALUES (?, ?, ?, ?, ?, ?)',
        cluster,
        generation.term,
        generation.sequence,
        revision,
        schemaVersion,
        jws,
      );
      for (const dropped of this.pointers(cluster).slice(KEPT_REVISIONS)) {
        const { term, sequence } = dropped.generation;
        this.#run('DELETE FROM pointers WHERE cluster = ? AND term = ? AND sequence = ?', cluster, term, sequence);
        const named = this.namedBlobs();
        const released = hashesOf(dropped.jws).filter((sha256) => !named.has(sha256));
        this.#run(
          'UPDATE blobs SET needed_at = ? WHERE sha256 IN (SELECT value FROM json_each(?))',
          now,
          JSON.stringify(released),
        );
      }
    });
  }

  /** Hashes that a kept pointer of any cluster names. */
  namedBlobs(): Set<string> {
    const rows = this.#rows<{ jws: string }>('SELECT jws FROM pointers');
    return new Set(rows.flatMap(({ jws }) => hashesOf(jws)));
  }

  /** Those of `hashes` that are not here; those that are will be kept for the push that asks. */
  missing(hashes: readonly string[], now: number): string[] {
    const list = JSON.stringify(hashes);
    this.#run(
      'UPDATE blobs SET needed_at = ? WHERE needed_at < ? AND sha256 IN (SELECT value FROM json_each(?))',
      now,
      now - TOUCH_EVERY_MS,
      list,
    );
    return this.#rows<{ value: string }>(
      'SELECT DISTINCT value FROM json_each(?) WHERE value NOT IN (SELECT sha256 FROM blobs)',
      list,
    ).map(({ value }) => value);
  }

  putBlob(sha256: string, bytes: ArrayBuffer, now: number): void {
    this.#run(
      'INSERT INTO blobs (sha256, bytes, needed_at) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET needed_at = excluded.needed_at',
      sha256,
      bytes,
      now,
    );
  }

  blob(sha256: string): Uint8Array<ArrayBuffer> | undefined {
    const [row] = this.#rows<{ bytes: ArrayBuffer }>('SELECT bytes FROM blobs WHERE sha256 = ?', sha256);
    return row && new Uint8Array(row.bytes);
  }

  keptBlobs(): KeptBlob[] {
    return this.#rows<{ sha256: string; needed_at: number }>('SELECT sha256, needed_at FROM blobs').map((row) => ({
      sha256: row.sha256,
      neededAt: row.needed_at,
    }));
  }

  /** Deletes a blob, unless it was needed since. */
  deleteBlob(sha256: string, unlessNeededSince: number): void {
    this.#run('DELETE FROM blobs WHERE sha256 = ? AND needed_at <= ?', sha256, unlessNeededSince);
    this.#run('DELETE FROM facts WHERE sha256 = ? AND sha256 NOT IN (SELECT sha256 FROM blobs)', sha256);
  }

  /** What is known of the buckets that were validated before, by `kind/sha256`. */
  facts(hashes: readonly string[]): Map<string, BucketFacts> {
    const rows = this.#rows<{ sha256: string; kind: string; facts: string }>(
      `SELECT sha256, kind, facts FROM facts
       WHERE schema_version = ? AND sha256 IN (SELECT value FROM json_each(?))`,
      SCHEMA_VERSION,
      JSON.stringify(hashes),
    );
    return new Map(rows.map((row) => [`${row.kind}/${row.sha256}`, bucketFacts.parse(JSON.parse(row.facts))]));
  }

  putFacts(kind: BucketedKind, sha256: string, facts: BucketFacts): void {
    this.#run(
      'INSERT OR REPLACE INTO facts (sha256, kind, schema_version, facts) VALUES (?, ?, ?, ?)',
      sha256,
      kind,
      SCHEMA_VERSION,
      JSON.stringify(facts),
    );
  }

  /** Clusters whose current pointer KV does not have yet. */
  uncopiedClusters(): string[] {
    const rows = this.#rows<{ name: string; copied_revision: string | null }>(
      'SELECT name, copied_revision FROM clusters',
    );
    return rows
      .filter(({ name, copied_revision }) => {
        const current = this.current(name);
        return current !== null && current.revision !== copied_revision;
      })
      .map(({ name }) => name);
  }

  /** Those of `hashes` that KV does not have, or has only had since `after`. */
  copiedLaterThan(after: number, hashes: readonly string[]): string[] {
    return this.#rows<{ sha256: string }>(
      `SELECT sha256 FROM blobs
       WHERE (copied_at IS NULL OR copied_at > ?) AND sha256 IN (SELECT value FROM json_each(?))`,
      after,
      JSON.stringify(hashes),
    ).map(({ sha256 }) => sha256);
  }

  blobCopied(sha256: string, now: number): void {
    this.#run('UPDATE blobs SET copied_at = ? WHERE sha256 = ?', now, sha256);
  }

  blobLeavesKv(sha256: string): void {
    this.#run('UPDATE blobs SET copied_at = NULL WHERE sha256 = ?', sha256);
  }

  pointerCopied(cluster: string, revision: string): void {
    this.#run('UPDATE clusters SET copied_revision = ? WHERE name = ?', revision, cluster);
  }

  #run(statement: string, ...values: SqlStorageValue[]): void {
    this.#storage.sql.exec(statement, ...values);
  }

  #rows<Row extends Record<string, SqlStorageValue>>(statement: string, ...values: SqlStorageValue[]): Row[] {
    return this.#storage.sql.exec<Row>(statement, ...values).toArray();
  }
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
