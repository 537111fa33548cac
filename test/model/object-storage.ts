import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import type { Timer, VirtualClock } from './virtual-clock.ts';

/** What a Durable Object takes in production, and a local one does not mind: bytes of a value, and of a row. */
const MOST_BYTES = 2_000_000;
const MOST_BINDINGS = 100;
const MOST_STATEMENT_BYTES = 100_000;
/** An alarm whose handler failed comes again, later each time, six times. */
const ALARM_RETRIES = 6;
const FIRST_ALARM_RETRY_MS = 2_000;

interface PlannedAlarm {
  readonly time: number;
  readonly timer: Timer;
  /** It waits for a handler that runs still. */
  readonly isDue: boolean;
}

export type HubStorage = Pick<
  DurableObjectStorage,
  'sql' | 'transactionSync' | 'getAlarm' | 'setAlarm' | 'deleteAlarm'
>;

/**
 * The storage of a Durable Object on Node's own SQLite, with the limits of the real one and its alarm. It outlives the
 * object, which asks for it anew after each restart; `wipe` loses it.
 */
export class ObjectStorage {
  readonly #clock: VirtualClock;
  readonly #ring: () => Promise<void>;
  readonly #witness: (statement: string, values: readonly unknown[]) => void;
  #database = new DatabaseSync(':memory:');
  #door = 0;
  #alarm: PlannedAlarm | undefined;
  #isRinging = false;

  /**
   * @param ring runs the object's alarm handler; rejects where that failed or was cut off
   * @param witness sees every statement that was carried out
   */
  constructor(
    clock: VirtualClock,
    ring: () => Promise<void>,
    witness: (statement: string, values: readonly unknown[]) => void = () => undefined,
  ) {
    this.#clock = clock;
    this.#ring = ring;
    this.#witness = witness;
  }

  /** For one life of the object; what was given before refuses from now on. */
  open(): HubStorage {
    const mine = ++this.#door;
    return this.#through((work) => {
      if (mine !== this.#door) throw new Error('this life of the object has ended');
      return work();
    });
  }

  /** For somebody who only reads. */
  look(): HubStorage {
    return this.#through((work) => work());
  }

  #through(entered: <T>(work: () => T) => T): HubStorage {
    const database = this.#database;
    const sql = {
      exec: (statement: string, ...values: unknown[]) =>
        entered(() => {
          const rows = execute(database, statement, values);
          this.#witness(statement, values);
          return new Cursor(rows);
        }),
      get databaseSize() {
        return 0;
      },
    };
    const storage = {
      sql,
      transactionSync: <T>(work: () => T): T => entered(() => transaction(database, work)),
      getAlarm: async () => entered(() => this.#alarm?.time ?? null),
      setAlarm: async (time: number | Date) => entered(() => this.#plan(Number(time), 0)),
      deleteAlarm: async () => entered(() => this.#unplan()),
    };
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the hub uses no more of the cursor than there is
    return storage as unknown as HubStorage;
  }

  /** The object is gone, and what it kept remains. */
  close(): void {
    this.#door++;
  }

  /** Everything is lost, the alarm too. */
  wipe(): void {
    this.close();
    this.#unplan();
    this.#database.close();
    this.#database = new DatabaseSync(':memory:');
  }

  #plan(time: number, failures: number): void {
    this.#unplan();
    const timer = this.#clock.after(time - this.#clock.now(), () => {
      // The handler never runs twice at a time: an alarm that is due meanwhile waits for its end.
      if (this.#isRinging) this.#alarm = { time, timer, isDue: true };
      else void this.#fire(failures);
    });
    this.#alarm = { time, timer, isDue: false };
  }

  async #fire(failures: number): Promise<void> {
    // While the handler runs no alarm is planned, unless it plans one.
    this.#alarm = undefined;
    this.#isRinging = true;
    const isDone = await this.#ring().then(
      () => true,
      () => false,
    );
    this.#isRinging = false;
    const waiting = this.#planned();
    if (waiting?.isDue) this.#plan(this.#clock.now(), 0);
    else if (!isDone && !waiting && failures < ALARM_RETRIES)
      this.#plan(this.#clock.now() + FIRST_ALARM_RETRY_MS * 2 ** failures, failures + 1);
  }

  #planned(): PlannedAlarm | undefined {
    return this.#alarm;
  }

  #unplan(): void {
    this.#alarm?.timer.cancel();
    this.#alarm = undefined;
  }
}

type Row = Record<string, SqlStorageValue>;

class Cursor {
  readonly #rows: Row[];

  constructor(rows: Row[]) {
    this.#rows = rows;
  }

  toArray(): Row[] {
    return this.#rows;
  }

  one(): Row {
    const [row, ...others] = this.#rows;
    if (!row || others.length > 0) throw new Error(`expected exactly one row, there are ${this.#rows.length}`);
    return row;
  }

  [Symbol.iterator](): Iterator<Row> {
    return this.#rows.values();
  }
}

function execute(database: DatabaseSync, statement: string, values: readonly unknown[]): Row[] {
  if (Buffer.byteLength(statement) > MOST_STATEMENT_BYTES) throw new Error('the statement is too long');
  if (/^\s*(BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE)\b/i.test(statement))
    throw new Error('transactions are made by transactionSync');
  if (values.length === 0) {
    // Without values there may be several statements.
    const parts = statement.split(';').filter((part) => part.trim() !== '');
    return parts.map((part) => database.prepare(part).all().map(storedRow)).at(-1) ?? [];
  }
  if (values.length > MOST_BINDINGS) throw new Error(`more than ${MOST_BINDINGS} values`);
  const bound = values.map(bindable);
  const bytes = bound.reduce<number>((sum, value) => sum + sizeOf(value), 0);
  if (bytes > MOST_BYTES) throw new Error(`a row of ${bytes} bytes is too big: SQLITE_TOOBIG`);
  return database
    .prepare(statement)
    .all(...bound)
    .map(storedRow);
}

function bindable(value: unknown): SQLInputValue {
  if (value === null || typeof value === 'string' || typeof value === 'number') return value;
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  throw new TypeError(`a value of type ${typeof value} cannot be stored`);
}

function sizeOf(value: SQLInputValue): number {
  if (typeof value === 'string') return Buffer.byteLength(value);
  return ArrayBuffer.isView(value) ? value.byteLength : 8;
}

function storedRow(row: Record<string, unknown>): Row {
  return Object.fromEntries(Object.entries(row).map(([column, value]) => [column, stored(value)]));
}

function stored(value: unknown): SqlStorageValue {
  if (value === null || typeof value === 'string' || typeof value === 'number') return value;
  if (value instanceof Uint8Array) return new Uint8Array(value).buffer;
  throw new TypeError(`SQLite gave a ${typeof value}`);
}

function transaction<T>(database: DatabaseSync, work: () => T): T {
  database.exec('SAVEPOINT work');
  try {
    const result = work();
    database.exec('RELEASE work');
    return result;
  } catch (error) {
    database.exec('ROLLBACK TO work; RELEASE work');
    throw error;
  }
}
