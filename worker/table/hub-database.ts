/**
 * The hub's tables. A blob is at most MAX_BUCKET_BYTES and a pointer at most MAX_POINTER_LENGTH, so that each fits into
 * one row: a row of a Durable Object, like any value that is bound, may have 2 MB. Everything of a table stands under
 * its cluster; blobs are whoever's names them.
 *
 * Columns are only ever added, with a default: so a worker may be rolled back to the release before.
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
  CREATE TABLE IF NOT EXISTS released (
    cluster TEXT NOT NULL, revision TEXT NOT NULL, ordinal INTEGER NOT NULL,
    released_at INTEGER NOT NULL, reported_at INTEGER,
    PRIMARY KEY (cluster, revision)
  );
  CREATE INDEX IF NOT EXISTS released_and_reported ON released (reported_at) WHERE reported_at IS NOT NULL;
  CREATE TABLE IF NOT EXISTS blobs (
    sha256 TEXT PRIMARY KEY, bytes BLOB NOT NULL, needed_at INTEGER NOT NULL, copied_at INTEGER
  );
  CREATE TABLE IF NOT EXISTS bucket_facts (
    sha256 TEXT NOT NULL, kind TEXT NOT NULL, reader TEXT NOT NULL, facts TEXT NOT NULL,
    PRIMARY KEY (sha256, kind, reader)
  );
  CREATE TABLE IF NOT EXISTS inboxes (
    cluster TEXT NOT NULL, kind TEXT NOT NULL, refused TEXT,
    PRIMARY KEY (cluster, kind)
  );`;

const ADDED_COLUMNS: readonly (readonly [table: string, column: string, definition: string])[] = [
  ['clusters', 'floor_term', 'INTEGER'],
  ['clusters', 'floor_sequence', 'INTEGER'],
  ['clusters', 'evicted', 'INTEGER NOT NULL DEFAULT 0'],
  ['clusters', 'ordinal', 'INTEGER NOT NULL DEFAULT 0'],
  ['pointers', 'admitted_at', 'INTEGER NOT NULL DEFAULT 0'],
  ['pointers', 'ordinal', 'INTEGER NOT NULL DEFAULT 0'],
  ['blobs', 'first_named', 'INTEGER'],
  ['blobs', 'last_named', 'INTEGER'],
];

export type HubStorage = Pick<DurableObjectStorage, 'sql' | 'transactionSync'>;

/** SQL of the hub. All of it is synchronous, so that an admission is atomic. */
export class HubDatabase {
  readonly #storage: HubStorage;

  constructor(storage: HubStorage) {
    this.#storage = storage;
    storage.sql.exec(TABLES);
    for (const [table, column, definition] of ADDED_COLUMNS) {
      const columns = this.rows<{ name: string }>(`PRAGMA table_info(${table})`);
      if (!columns.some(({ name }) => name === column))
        this.run(`ALTER TABLE ${table} ADD COLUMN ${column} ${definition}`);
    }
  }

  run(statement: string, ...values: SqlStorageValue[]): void {
    this.#storage.sql.exec(statement, ...values);
  }

  rows<Row extends Record<string, SqlStorageValue>>(statement: string, ...values: SqlStorageValue[]): Row[] {
    return this.#storage.sql.exec<Row>(statement, ...values).toArray();
  }

  /** All of it is written, or nothing. */
  atOnce(write: () => void): void {
    this.#storage.transactionSync(write);
  }
}
