import type { Json } from '../contract/canonical-json.ts';
import type { JsonKind, SectionHashes } from '../contract/routing-table.ts';
import type { Blob } from './compile/compilation.ts';

/**
 * The sections that resources are compiled to. A secret that changes has another id, which its provider's entry
 * names; and of `keys` all is said in `consumers`.
 */
const COMPARED = ['routes', 'models', 'providers', 'consumers'] as const satisfies JsonKind[];
export type ComparedKind = (typeof COMPARED)[number];
export type ComparedBlobs = Readonly<Record<ComparedKind, readonly Blob[]>>;
type ComparedHashes = Pick<SectionHashes, ComparedKind>;

export interface EntryDifference {
  readonly section: ComparedKind;
  readonly id: string;
  readonly how: 'added' | 'changed' | 'removed';
  /** `namespace/name` of the consumer that the entry is or was of: its own id is a key's digest. */
  readonly consumer?: string;
}

/** Entries by `section/id`. */
export type TableDifference = ReadonlyMap<string, EntryDifference>;

export function entryName(section: JsonKind, id: string): string {
  return `${section}/${id}`;
}

/** The buckets of a table that another no longer has: what is needed to tell the two apart. */
export function replacedBuckets(before: ComparedHashes, after: ComparedBlobs): string[] {
  return COMPARED.flatMap((kind) => {
    const kept = new Set(after[kind].map(({ sha256 }) => sha256));
    return before[kind].filter((hash) => !kept.has(hash));
  });
}

/**
 * What differs between two tables, entry by entry. Only buckets that differ are parsed.
 *
 * @param bytesOf the replaced buckets' bytes; those of a bucket that is lost count as empty
 */
export function tableDifference(
  before: ComparedHashes | undefined,
  bytesOf: (hash: string) => Uint8Array | undefined,
  after: ComparedBlobs,
): TableDifference {
  const difference = new Map<string, EntryDifference>();
  for (const section of COMPARED) {
    const oldHashes = new Set(before?.[section] ?? []);
    const newHashes = new Set(after[section].map(({ sha256 }) => sha256));
    const old = new Map(entriesOf([...oldHashes].filter((hash) => !newHashes.has(hash)).map(bytesOf)));
    const note = (id: string, entry: Json, how: EntryDifference['how']): void => {
      const consumer = section === 'consumers' ? consumerOf(entry) : undefined;
      difference.set(entryName(section, id), { section, id, how, ...(consumer !== undefined && { consumer }) });
    };
    for (const [id, entry] of entriesOf(
      after[section].filter(({ sha256 }) => !oldHashes.has(sha256)).map(({ bytes }) => bytes),
    )) {
      const before = old.get(id);
      old.delete(id);
      if (before === undefined) note(id, entry, 'added');
      // Canonical JSON, parsed and rendered again: equal entries give equal text.
      else if (JSON.stringify(before) !== JSON.stringify(entry)) note(id, entry, 'changed');
    }
    for (const [id, entry] of old) note(id, entry, 'removed');
  }
  return difference;
}

/** One bucket after the other: a whole table, as the first one is, would take much memory at once. */
function* entriesOf(buckets: readonly (Uint8Array | undefined)[]): Generator<[string, Json]> {
  for (const bytes of buckets) {
    if (!bytes) continue;
    // Bytes of our own making, or of a blob whose hash a pointer that we signed names.
    const bucket: Record<string, Json> = JSON.parse(new TextDecoder().decode(bytes));
    yield* Object.entries(bucket);
  }
}

function consumerOf(entry: Json | undefined): string | undefined {
  if (typeof entry !== 'object' || entry === null) return undefined;
  const id: Json | undefined = 'id' in entry ? entry['id'] : undefined;
  return typeof id === 'string' ? id : undefined;
}
