import type { Json } from '../../contract/canonical-json.ts';
import type { ResourceKey } from '../../sync-agent/snapshot.ts';
import type { ComparedKind } from '../../sync-agent/table-difference.ts';

/** Entries by their address, as the buckets of a section hold them. */
export type Entries = ReadonlyMap<string, Json>;

/** What two tables say, as far as it may differ: entries that both hold alike may be left out. */
export type TableEntries = Readonly<Record<ComparedKind, Entries>>;

/** What differs of one resource between two tables. */
export interface ResourceChange {
  readonly resource: ResourceKey;
  readonly how: 'added' | 'changed' | 'removed';
  /** What changed of its entry; none where it came or went whole. */
  readonly fields: readonly FieldChange[];
}

export interface FieldChange {
  /** Such as `backends[openai].weight`. */
  readonly path: string;
  /** Absent where the field came; of a secret only that it is one. */
  readonly before?: Json;
  /** Absent where the field went. */
  readonly after?: Json;
}

/**
 * What differs between two tables, resource by resource, sorted. Names of secrets and digests of keys are compared and
 * never told.
 */
export function resourceChanges(before: TableEntries, after: TableEntries): ResourceChange[] {
  const changes: ResourceChange[] = [];
  compareResources('GatewayRoute', before.routes, after.routes, changes);
  compareResources('AIModel', before.models, after.models, changes);
  compareResources('LLMProvider', before.providers, after.providers, changes);
  compareResources('Consumer', consumersOf(before.consumers), consumersOf(after.consumers), changes);
  return changes.toSorted((a, b) => (a.resource < b.resource ? -1 : 1));
}

function compareResources(kind: string, before: Entries, after: Entries, into: ResourceChange[]): void {
  for (const id of new Set([...before.keys(), ...after.keys()])) {
    const old = before.get(id);
    const now = after.get(id);
    const resource = `${kind}/${id}`;
    if (old === undefined) into.push({ resource, how: 'added', fields: [] });
    else if (now === undefined) into.push({ resource, how: 'removed', fields: [] });
    else {
      const fields = fieldChanges(old, now);
      if (fields.length > 0) into.push({ resource, how: 'changed', fields });
    }
  }
}

/** What differs between two values, at the deepest places that both of them have. */
export function fieldChanges(before: Json | undefined, after: Json | undefined, path = ''): FieldChange[] {
  if (sameJson(before, after)) return [];
  const old = membersOf(before);
  const now = membersOf(after);
  if (!old || !now || old.style !== now.style) return [fieldChange(path, before, after)];
  const names = [...new Set([...old.members.keys(), ...now.members.keys()])];
  const inner = names.flatMap((name) =>
    fieldChanges(old.members.get(name), now.members.get(name), pathTo(path, name, old.style)),
  );
  // The same members in another order.
  return inner.length > 0 ? inner : [fieldChange(path, before, after)];
}

function fieldChange(path: string, before: Json | undefined, after: Json | undefined): FieldChange {
  const old = before === undefined ? undefined : withoutSecrets(before);
  const told = after === undefined ? undefined : withoutSecrets(after);
  const now = told !== undefined && sameJson(old, told) ? ANOTHER_SECRET : told;
  return {
    path: path === '' ? '.' : path,
    ...(old !== undefined && { before: old }),
    ...(now !== undefined && { after: now }),
  };
}

const SECRET = '(a secret)';
const ANOTHER_SECRET = '(another secret)';

/** Whether two entries are the same, but for what the secrets hold that they name. */
export function sameButSecrets(before: Json, after: Json): boolean {
  return sameJson(withoutSecrets(before), withoutSecrets(after));
}

/** Whether nothing of it but secrets is another. */
export function isOfSecrets({ after }: FieldChange): boolean {
  return after === ANOTHER_SECRET;
}

/** As a bucket names a secret: by an id that tells nothing, and is of no use to a person. */
function isSecretName(value: Json): boolean {
  return isObject(value) && value['type'] === 'Sealed' && typeof value['id'] === 'string';
}

function withoutSecrets(value: Json): Json {
  if (isSecretName(value)) {
    const { id: _id, type: _type, ...rest } = isObject(value) ? value : {};
    return Object.keys(rest).length === 0 ? SECRET : { ...rest, value: SECRET };
  }
  if (isList(value)) return value.map(withoutSecrets);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, member]) => (member === undefined ? [] : [[name, withoutSecrets(member)]])),
  );
}

type Style = 'object' | 'named';

/** The parts of a value that are compared one by one: members, or the items of a list of things that have names. */
function membersOf(value: Json | undefined): { style: Style; members: Map<string, Json> } | undefined {
  if (value === undefined || isSecretName(value)) return undefined;
  if (isList(value)) {
    const members = new Map(value.flatMap((item) => (isNamed(item) ? [[item.name, item] as const] : [])));
    return value.length > 0 && members.size === value.length ? { style: 'named', members } : undefined;
  }
  if (!isObject(value)) return undefined;
  const members = Object.entries(value).flatMap(([name, member]) =>
    member === undefined ? [] : [[name, member] as const],
  );
  return { style: 'object', members: new Map(members) };
}

function pathTo(path: string, name: string, style: Style): string {
  if (style === 'named') return `${path}[${name}]`;
  if (!/^[A-Za-z]\w*$/.test(name)) return `${path}[${JSON.stringify(name)}]`;
  return path === '' ? name : `${path}.${name}`;
}

/** A table has an entry for each key of a consumer; here a consumer is one thing with keys. */
function consumersOf(entries: Entries): Map<string, Json> {
  const consumers = new Map<string, { shared: JsonObject; keys: Json[] }>();
  for (const [digest, entry] of entries) {
    if (!isObject(entry)) continue;
    const { id, key, expiresAt, ...shared } = entry;
    if (typeof id !== 'string') continue;
    const consumer = consumers.get(id) ?? { shared, keys: [] };
    consumers.set(id, consumer);
    consumer.keys.push({ name: key ?? digest, expiresAt, digest: { type: 'Sealed', id: digest } });
  }
  return new Map([...consumers].map(([id, { shared, keys }]) => [id, { ...shared, keys: keys.toSorted(byName) }]));
}

/** Buckets hold keys in the order of their digests, which means nothing. */
function byName(a: Json, b: Json): number {
  return isNamed(a) && isNamed(b) && a.name < b.name ? -1 : 1;
}

function isNamed(value: Json): value is { readonly name: string } {
  return isObject(value) && typeof value['name'] === 'string';
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

type JsonObject = { readonly [name: string]: Json | undefined };

function isObject(value: Json): value is JsonObject {
  return typeof value === 'object' && value !== null && !isList(value);
}

/** Both come from canonical JSON, or from values whose members are in the same order. */
function sameJson(a: Json | undefined, b: Json | undefined): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
