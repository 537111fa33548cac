import {
  type BucketedKind,
  type JsonKind,
  type SectionEntries,
  type SectionHashes,
} from '../../contract/routing-table.ts';

type Entry<K extends JsonKind> = SectionEntries[K][string];

/** One bucket of a section, parsed when it is first asked for anything. */
export class JsonBucket<K extends JsonKind> {
  readonly bytes: Uint8Array;
  #entries: Readonly<Record<string, Entry<K>>> | undefined;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  entry(id: string): Entry<K> | undefined {
    const entries = this.entries();
    return Object.hasOwn(entries, id) ? entries[id] : undefined;
  }

  entries(): Readonly<Record<string, Entry<K>>> {
    if (this.#entries) return this.#entries;
    // The hub checked the schema, and the hash says that these are the bytes that it checked.
    const entries: Record<string, Entry<K>> = JSON.parse(new TextDecoder().decode(this.bytes));
    this.#entries = entries;
    return entries;
  }
}

/** Buckets in memory, by kind and hash. Two revisions that name the same bucket share it, parsed entries and all. */
export class SectionBuckets {
  readonly #json: { readonly [K in JsonKind]: Map<string, JsonBucket<K>> } = {
    routes: new Map(),
    models: new Map(),
    providers: new Map(),
    consumers: new Map(),
    secrets: new Map(),
  };
  readonly #keys = new Map<string, Uint8Array>();

  put(kind: BucketedKind, sha256: string, bytes: Uint8Array): void {
    if (kind === 'keys') this.#keys.set(sha256, bytes);
    else this.#putJson(kind, sha256, new JsonBucket(bytes));
  }

  #putJson<K extends JsonKind>(kind: K, sha256: string, bucket: JsonBucket<K>): void {
    const buckets: Map<string, JsonBucket<K>> = this.#json[kind];
    buckets.set(sha256, bucket);
  }

  json<K extends JsonKind>(kind: K, sha256: string): JsonBucket<K> | undefined {
    return this.#json[kind].get(sha256);
  }

  keys(sha256: string): Uint8Array | undefined {
    return this.#keys.get(sha256);
  }

  bytes(kind: BucketedKind, sha256: string): Uint8Array | undefined {
    return kind === 'keys' ? this.#keys.get(sha256) : this.#json[kind].get(sha256)?.bytes;
  }

  /** Those that a revision names, the very objects. */
  only(sections: SectionHashes): SectionBuckets {
    const kept = new SectionBuckets();
    share(sections.routes, this.#json.routes, kept.#json.routes);
    share(sections.models, this.#json.models, kept.#json.models);
    share(sections.providers, this.#json.providers, kept.#json.providers);
    share(sections.consumers, this.#json.consumers, kept.#json.consumers);
    share(sections.secrets, this.#json.secrets, kept.#json.secrets);
    share(sections.keys, this.#keys, kept.#keys);
    return kept;
  }
}

function share<T>(hashes: readonly string[], from: ReadonlyMap<string, T>, to: Map<string, T>): void {
  for (const sha256 of hashes) {
    const bucket = from.get(sha256);
    if (bucket) to.set(sha256, bucket);
  }
}
