import { bucketIndex, entryAddress } from '../../../contract/buckets.ts';
import { canonicalJson, type Json } from '../../../contract/canonical-json.ts';
import { sha256Hex, utf8Bytes } from '../../../contract/encoding.ts';
import { encodeKeyIndex } from '../../../contract/key-index.ts';
import type {
  ConsumerEntry,
  JsonKind,
  ModelEntry,
  ProviderEntry,
  RouteEntry,
  SectionEntries,
  SectionHashes,
} from '../../../contract/routing-table.ts';

export interface MadeTable {
  readonly sections: SectionHashes;
  readonly blobs: ReadonlyMap<string, Uint8Array<ArrayBuffer>>;
}

export type Entries = { readonly [K in JsonKind]?: SectionEntries[K] };

/** Renders entries as an agent would: every section in `count` buckets (a power of two), empty ones in none. */
export async function makeTable(entries: Entries, count = 1): Promise<MadeTable> {
  const blobs = new Map<string, Uint8Array<ArrayBuffer>>();
  const put = async (bytes: Uint8Array<ArrayBuffer>): Promise<string> => {
    const sha256 = await sha256Hex(bytes);
    blobs.set(sha256, bytes);
    return sha256;
  };
  const render = (kind: JsonKind): Promise<string[]> => {
    const all: Readonly<Record<string, Json>> = entries[kind] ?? {};
    const ids = Object.keys(all);
    if (ids.length === 0) return Promise.resolve([]);
    return Promise.all(
      range(count).map((bucket) => {
        const members = ids.filter((id) => bucketIndex(entryAddress(kind, id), count) === bucket);
        return put(utf8Bytes(canonicalJson(Object.fromEntries(members.map((id) => [id, all[id]])))));
      }),
    );
  };
  const digests = Object.keys(entries.consumers ?? {});
  const keys = range(digests.length === 0 ? 0 : count).map((bucket) =>
    put(encodeKeyIndex(digests.filter((digest) => bucketIndex(entryAddress('keys', digest), count) === bucket))),
  );
  const sections = {
    routes: await render('routes'),
    models: await render('models'),
    providers: await render('providers'),
    consumers: await render('consumers'),
    secrets: await render('secrets'),
    keys: await Promise.all(keys),
  };
  return { sections, blobs };
}

export function aRoute(change: Partial<RouteEntry> = {}): RouteEntry {
  return {
    hostnames: [],
    pathPrefix: '/',
    headers: [],
    models: { demo: 'team/demo' },
    authentication: 'Key',
    consumers: '*',
    onClientAbort: 'Abort',
    timeouts: {},
    created: '2026-01-01T00:00:00Z',
    ...change,
  };
}

export function aModel(change: Partial<ModelEntry> = {}): ModelEntry {
  return {
    modelName: 'demo',
    aliases: [],
    backends: [{ name: 'main', provider: 'team/provider', model: 'demo', weight: 1, priority: 0 }],
    created: '2026-01-01T00:00:00Z',
    ...change,
  };
}

export function aProvider(change: Partial<ProviderEntry> = {}): ProviderEntry {
  return {
    dialect: 'OpenAI',
    baseURL: 'https://api.example.com/v1',
    headers: [],
    timeouts: {},
    allow: { privateAddresses: false, plainText: false },
    ...change,
  };
}

export function aConsumer(change: Partial<ConsumerEntry> = {}): ConsumerEntry {
  return { id: 'team/app', key: 'main', metadata: {}, ...change };
}

/** A whole small table: one route, one model, one provider, one consumer with the given key. */
export async function smallTable(change: Entries = {}, key = 'sk-one'): Promise<Entries> {
  return {
    routes: { 'team/route': aRoute() },
    models: { 'team/demo': aModel() },
    providers: { 'team/provider': aProvider() },
    consumers: { [await sha256Hex(key)]: aConsumer() },
    ...change,
  };
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}
