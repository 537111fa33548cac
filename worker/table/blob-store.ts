import type { BucketedKind } from '../../contract/routing-table.ts';
import { bucketFacts, FACTS_READER, type BucketFacts } from './bucket-facts.ts';
import type { StoredBlob } from './hub-protocol.ts';
import type { HubDatabase } from './hub-database.ts';
import type { KeptBlob } from './retention.ts';

/** What is needed still is written as such at most once in this time, in milliseconds: rows written are charged. */
export const TOUCH_EVERY_MS = 3_600_000;

/**
 * When a revision that is kept no longer, but names the blob, was last reported. A blob remembers between which
 * admissions it was named, and a revision which admission it was: so neither needs the pointer's text.
 */
const REPORTED_AT = `(
  SELECT max(reported_at) + ${TOUCH_EVERY_MS} FROM released
  WHERE reported_at IS NOT NULL AND first_named IS NOT NULL
    AND ordinal BETWEEN first_named AND coalesce(last_named, ordinal)
)`;

/** Buckets, and what is known of them. */
export class BlobStore {
  readonly #database: HubDatabase;

  constructor(database: HubDatabase) {
    this.#database = database;
  }

  /** Those of `hashes` that are not here; those that are will be kept for the push that asks. */
  missing(hashes: readonly string[], now: number): string[] {
    const list = JSON.stringify(hashes);
    this.#database.run(
      'UPDATE blobs SET needed_at = ? WHERE needed_at < ? AND sha256 IN (SELECT value FROM json_each(?))',
      now,
      now - TOUCH_EVERY_MS,
      list,
    );
    return this.#database
      .rows<{ value: string }>(
        'SELECT DISTINCT value FROM json_each(?) WHERE value NOT IN (SELECT sha256 FROM blobs)',
        list,
      )
      .map(({ value }) => value);
  }

  put(sha256: string, bytes: ArrayBuffer, now: number): void {
    this.#database.run(
      'INSERT INTO blobs (sha256, bytes, needed_at) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET needed_at = excluded.needed_at',
      sha256,
      bytes,
      now,
    );
  }

  get(sha256: string): Uint8Array<ArrayBuffer> | undefined {
    const [row] = this.#database.rows<{ bytes: ArrayBuffer }>('SELECT bytes FROM blobs WHERE sha256 = ?', sha256);
    return row && new Uint8Array(row.bytes);
  }

  /** Those that are here, as many as have `limit` bytes together, and at least one, if any is here. */
  some(hashes: readonly string[], limit: number): StoredBlob[] {
    const found: StoredBlob[] = [];
    let size = 0;
    for (const sha256 of hashes) {
      const bytes = this.get(sha256);
      if (!bytes) continue;
      size += bytes.byteLength;
      if (size > limit && found.length > 0) break;
      found.push({ sha256, bytes });
    }
    return found;
  }

  kept(): KeptBlob[] {
    return this.#database
      .rows<{ sha256: string; needed_at: number; reported_at: number | null }>(
        `SELECT sha256, needed_at, ${REPORTED_AT} AS reported_at FROM blobs`,
      )
      .map((row) => ({ sha256: row.sha256, neededAt: Math.max(row.needed_at, row.reported_at ?? 0) }));
  }

  /** Deletes a blob, unless it was needed since. */
  delete(sha256: string, unlessNeededSince: number): void {
    this.#database.run(
      `DELETE FROM blobs WHERE sha256 = ? AND max(needed_at, coalesce(${REPORTED_AT}, 0)) <= ?`,
      sha256,
      unlessNeededSince,
    );
    this.#database.run(
      'DELETE FROM bucket_facts WHERE sha256 = ? AND sha256 NOT IN (SELECT sha256 FROM blobs)',
      sha256,
    );
  }

  /** What is known of the buckets that were inspected before, by `kind/sha256`. */
  facts(hashes: readonly string[]): Map<string, BucketFacts> {
    const rows = this.#database.rows<{ sha256: string; kind: string; facts: string }>(
      `SELECT sha256, kind, facts FROM bucket_facts
       WHERE reader = ? AND sha256 IN (SELECT value FROM json_each(?))`,
      FACTS_READER,
      JSON.stringify(hashes),
    );
    return new Map(rows.map((row) => [`${row.kind}/${row.sha256}`, bucketFacts.parse(JSON.parse(row.facts))]));
  }

  putFacts(kind: BucketedKind, sha256: string, facts: BucketFacts): void {
    this.#database.run(
      'INSERT OR REPLACE INTO bucket_facts (sha256, kind, reader, facts) VALUES (?, ?, ?, ?)',
      sha256,
      kind,
      FACTS_READER,
      JSON.stringify(facts),
    );
  }

  /** Those of `hashes` that KV does not have, or has only had since `after`. */
  copiedLaterThan(after: number, hashes: readonly string[]): string[] {
    return this.#database
      .rows<{ sha256: string }>(
        `SELECT sha256 FROM blobs
         WHERE (copied_at IS NULL OR copied_at > ?) AND sha256 IN (SELECT value FROM json_each(?))`,
        after,
        JSON.stringify(hashes),
      )
      .map(({ sha256 }) => sha256);
  }

  anyCopiedBefore(before: number, hashes: readonly string[]): boolean {
    const found = this.#database.rows<{ sha256: string }>(
      `SELECT sha256 FROM blobs
       WHERE copied_at <= ? AND sha256 IN (SELECT value FROM json_each(?)) LIMIT 1`,
      before,
      JSON.stringify(hashes),
    );
    return found.length > 0;
  }

  /** Counts as not copied what was copied before `before`. */
  copyAgain(before: number): void {
    this.#database.run('UPDATE blobs SET copied_at = NULL WHERE copied_at <= ?', before);
  }

  copied(sha256: string, now: number): void {
    this.#database.run('UPDATE blobs SET copied_at = ? WHERE sha256 = ?', now, sha256);
  }

  leavesKv(sha256: string): void {
    this.#database.run('UPDATE blobs SET copied_at = NULL WHERE sha256 = ?', sha256);
  }
}
