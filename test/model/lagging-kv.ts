import { utf8Bytes } from '../../contract/encoding.ts';
import type { Chance } from './chance.ts';
import { outside } from './life.ts';
import type { VirtualClock } from './virtual-clock.ts';

/** Cloudflare's documented limits: https://developers.cloudflare.com/kv/platform/limits/ */
const LAG_MS = 60_000;
/** Longer than anybody who must answer waits. */
const HANG_MS = 60_000;
const LEAST_BETWEEN_WRITES_MS = 1_000;
const MOST_VALUE_BYTES = 25 * 1024 * 1024;
const MOST_KEY_BYTES = 512;
const LEAST_TTL_SECONDS = 60;
const MOST_KEYS_AT_ONCE = 100;

interface Version {
  readonly writtenAt: number;
  /** Null: the key was deleted. */
  readonly bytes: Uint8Array<ArrayBuffer> | null;
  readonly expiresAt: number;
}

interface Seen {
  readonly version: Version | undefined;
  readonly until: number;
}

export type KvCondition = 'up' | 'failing' | 'hanging';

type PutOptions = Pick<KVNamespacePutOptions, 'expirationTtl'>;
type PutValue = string | ArrayBuffer | ArrayBufferView;

/**
 * Workers KV as it is far from the place of a write: each place shows a write, or a deletion, at some moment within a
 * minute, remembers that a key was missing as it remembers a value, and a key takes one write a second.
 */
export class LaggingKv {
  /** Places where every operation fails. */
  readonly failingAt = new Set<string>();
  #condition: KvCondition = 'up';
  #troubledUntil = Number.NEGATIVE_INFINITY;
  readonly #clock: VirtualClock;
  readonly #chance: Chance;
  readonly #versions = new Map<string, Version[]>();
  readonly #seen = new Map<string, Map<string, Seen>>();

  constructor(clock: VirtualClock, chance: Chance) {
    this.#clock = clock;
    this.#chance = chance;
  }

  /** What every operation does, wherever it comes from. */
  get condition(): KvCondition {
    return this.#condition;
  }

  set condition(condition: KvCondition) {
    if (this.#condition !== 'up') this.#troubledUntil = this.#clock.now();
    this.#condition = condition;
  }

  wasTroubledSince(time: number): boolean {
    return this.#condition !== 'up' || this.#troubledUntil >= time;
  }

  /** KV as it is read and written from one place. */
  at(place: string): KVNamespace {
    const seen = this.#seen.get(place) ?? new Map<string, Seen>();
    this.#seen.set(place, seen);
    const read = (key: string, type: unknown) => decode(this.#look(seen, key), type);
    const kv = {
      get: (keys: string | string[], type: unknown) =>
        this.#call(place, () => {
          if (typeof keys === 'string') return read(keys, type);
          if (keys.length > MOST_KEYS_AT_ONCE) throw new Error('KV GET_BULK failed: 400 too many keys');
          return new Map(keys.map((key) => [key, read(key, type)]));
        }),
      list: ({ prefix }: KVNamespaceListOptions = {}) =>
        this.#call(place, () => {
          const names = [...this.#versions.keys()].filter((key) => key.startsWith(prefix ?? '')).toSorted();
          const keys = names.filter((key) => this.#look(seen, key) !== null).map((name) => ({ name }));
          return { keys, list_complete: true, cacheStatus: null };
        }),
      put: (key: string, value: PutValue, { expirationTtl }: PutOptions = {}) =>
        this.#call(place, () => {
          if (expirationTtl !== undefined && expirationTtl < LEAST_TTL_SECONDS)
            throw new Error(`KV PUT failed: 400 expirationTtl must be at least ${LEAST_TTL_SECONDS}`);
          this.write(key, bytesOf(value), expirationTtl);
          seen.delete(key);
        }),
      delete: (key: string) =>
        this.#call(place, () => {
          this.write(key, null);
          seen.delete(key);
        }),
    };
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- of the many forms of `get` only those above are there
    return kv as unknown as KVNamespace;
  }

  /** At once, whatever the condition: as somebody does who has the API's token. @throws where KV would refuse */
  write(key: string, bytes: Uint8Array<ArrayBuffer> | null, ttlSeconds = Number.POSITIVE_INFINITY): void {
    if (utf8Bytes(key).byteLength > MOST_KEY_BYTES) throw new Error('KV PUT failed: 414 the key is too long');
    if (bytes && bytes.byteLength > MOST_VALUE_BYTES) throw new Error('KV PUT failed: 413 the value is too large');
    const versions = this.#versions.get(key) ?? [];
    const writtenAt = this.#clock.now();
    const last = versions.at(-1);
    if (last && writtenAt - last.writtenAt < LEAST_BETWEEN_WRITES_MS) throw new Error('KV PUT failed: 429 too many');
    versions.push({ writtenAt, bytes: bytes && bytes.slice(), expiresAt: writtenAt + ttlSeconds * 1_000 });
    this.#versions.set(key, versions);
  }

  /** Every value that some place may show now, or at some later time if nobody writes; null: that it is missing. */
  showable(key: string): (Uint8Array<ArrayBuffer> | null)[] {
    const now = this.#clock.now();
    const versions = this.#versions.get(key) ?? [];
    const young = versions.filter((_, i) => {
      const next = versions[i + 1];
      return !next || now - next.writtenAt <= LAG_MS;
    });
    const before = young.length === versions.length && now - (versions[0]?.writtenAt ?? now) <= LAG_MS;
    return [...young.map((version) => current(version, now)), ...(before ? [null] : [])];
  }

  #look(seen: Map<string, Seen>, key: string): Uint8Array<ArrayBuffer> | null {
    const now = this.#clock.now();
    let entry = seen.get(key);
    if (!entry || entry.until <= now) {
      // How old what comes from the centre is, and how long it stays here, make a minute at most together.
      const age = this.#chance.onceIn(2) ? 0 : this.#chance.between(0, LAG_MS);
      const version = this.#versions.get(key)?.findLast(({ writtenAt }) => writtenAt <= now - age);
      entry = { version, until: now + this.#chance.between(0, LAG_MS - age) };
      seen.set(key, entry);
    }
    return entry.version ? current(entry.version, now) : null;
  }

  #call<T>(place: string, work: () => T): Promise<T> {
    return outside(async () => {
      await this.#clock.sleep(this.#chance.between(1, 60));
      if (this.failingAt.has(place)) {
        this.#troubledUntil = this.#clock.now();
        throw new Error('KV failed: 503');
      }
      switch (this.#condition) {
        case 'up':
          return work();
        case 'failing':
          throw new Error('KV failed: 503');
        case 'hanging':
          await this.#clock.sleep(HANG_MS);
          throw new Error('KV failed: 522');
      }
    });
  }
}

function current({ bytes, expiresAt }: Version, now: number): Uint8Array<ArrayBuffer> | null {
  return now < expiresAt ? bytes : null;
}

function decode(bytes: Uint8Array<ArrayBuffer> | null, type: unknown): string | ArrayBuffer | ReadableStream | null {
  if (bytes === null) return null;
  const wanted = typeof type === 'object' && type !== null && 'type' in type ? type.type : (type ?? 'text');
  if (wanted === 'text') return new TextDecoder().decode(bytes);
  if (wanted === 'arrayBuffer') return bytes.slice().buffer;
  if (wanted === 'stream') return new Response(bytes.slice()).body;
  throw new TypeError(`KV is not expected to be read as ${String(wanted)} here`);
}

function bytesOf(value: PutValue): Uint8Array<ArrayBuffer> {
  if (typeof value === 'string') return utf8Bytes(value);
  if (value instanceof ArrayBuffer) return new Uint8Array(value.slice(0));
  const { buffer, byteOffset, byteLength } = value;
  return new Uint8Array(new Uint8Array(buffer, byteOffset, byteLength));
}
