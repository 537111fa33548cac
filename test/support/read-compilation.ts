import { canonicalJson } from '../../contract/canonical-json.ts';
import { decodeKeyIndex, keyIndexFault } from '../../contract/key-index.ts';
import { bucketOf } from '../../contract/buckets.ts';
import { sectionSchemas, type JsonKind, type SectionEntries } from '../../contract/routing-table.ts';
import type { Compilation, Condition } from '../../sync-agent/compile/compilation.ts';

/** All entries of a section, parsed and checked as the hub would, each found in the bucket where it is looked for. */
export function entriesOf(compilation: Compilation, kind: 'routes'): SectionEntries['routes'];
export function entriesOf(compilation: Compilation, kind: 'models'): SectionEntries['models'];
export function entriesOf(compilation: Compilation, kind: 'providers'): SectionEntries['providers'];
export function entriesOf(compilation: Compilation, kind: 'consumers'): SectionEntries['consumers'];
export function entriesOf(
  { sections }: Compilation,
  kind: Exclude<JsonKind, 'secrets'>,
): SectionEntries[Exclude<JsonKind, 'secrets'>] {
  const blobs = sections[kind];
  const hashes = blobs.map(({ sha256 }) => sha256);
  const all: [string, unknown][] = blobs.flatMap((blob) => {
    const text = new TextDecoder().decode(blob.bytes);
    const parsed: Record<string, unknown> = sectionSchemas[kind].parse(JSON.parse(text));
    if (canonicalJson(JSON.parse(text)) !== text) throw new Error('the bucket is not canonical');
    for (const id of Object.keys(parsed))
      if (bucketOf(kind, id, hashes) !== blob.sha256) throw new Error(`${id} is in the wrong bucket`);
    return Object.entries(parsed);
  });
  return sectionSchemas[kind].parse(Object.fromEntries(all));
}

/** First 32 digits of every key digest. */
export function keysOf({ sections }: Compilation): string[] {
  return sections.keys.flatMap(({ bytes }) => {
    const fault = keyIndexFault(bytes);
    if (fault !== undefined) throw new Error(`the key index ${fault}`);
    return decodeKeyIndex(bytes);
  });
}

export function conditionOf({ conditions }: Compilation, key: string, type: Condition['type']): Condition | undefined {
  return conditions.get(key)?.find((condition) => condition.type === type);
}

/** `Accepted=False/Invalid`, or nothing where all is well. */
export function faultsOf({ conditions }: Compilation, key: string): string[] {
  return (conditions.get(key) ?? [])
    .filter(({ status }) => status !== 'True')
    .map(({ type, status, reason }) => `${type}=${status}/${reason}`);
}

/** Everything that a compilation says, in one comparable value. */
export function digestOf(compilation: Compilation): unknown {
  const { target, sections, secrets, conditions, entries, counts } = compilation;
  return {
    target,
    usableProviders: sortedByKey(compilation.usableProviders),
    sightings: sortedByKey(compilation.sightings),
    services: sortedByKey(compilation.services),
    discovered: compilation.discovered,
    sections: Object.entries(sections).map(([kind, blobs]) => [kind, blobs.map(({ sha256 }) => sha256)]),
    secrets,
    conditions: sortedByKey(conditions),
    entries: sortedByKey(entries),
    counts,
  };
}

function sortedByKey<T>(map: ReadonlyMap<string, T>): [string, T][] {
  return [...map].toSorted(([a], [b]) => (a < b ? -1 : 1));
}
