import { blobKey, pointerKey } from '../../contract/storage-keys.ts';
import { hashesOf, type HubStore, type KeptPointer } from './hub-store.ts';

/**
 * How long KV may go on saying that a key does not exist after it was written, in milliseconds: it shows writes
 * elsewhere after a minute or more, and remembers misses. Until then isolates ask the hub for the blob.
 */
export const KV_LAG_MS = 120_000;

/** How often KV is written anew at most because it lost what it had, in milliseconds: writes are charged. */
export const RECOPY_EVERY_MS = 600_000;

/** Writes under way at a time: a worker may have six connections that wait for headers. */
const PARALLEL = 4;

/** KV takes one write a second for each key, in milliseconds; only a pointer's is written more than once. */
const WRITE_EVERY_MS = 1_000;

/**
 * Brings KV up to what the hub holds: the blobs first, the pointer last, so that whoever finds the pointer there
 * finds what it names. What was copied is remembered blob by blob: interrupted, it goes on where it was. The pointer
 * of a cluster that was evicted is deleted.
 */
export class KvCopies {
  readonly #store: HubStore;
  readonly #kv: Pick<KVNamespace, 'put' | 'delete'>;
  readonly #now: () => number;
  /** When the pointer of a cluster was written last. */
  readonly #writtenAt = new Map<string, number>();

  constructor(store: HubStore, kv: Pick<KVNamespace, 'put' | 'delete'>, now: () => number) {
    this.#store = store;
    this.#kv = kv;
    this.#now = now;
  }

  /** What is left over, because it was written a moment ago, is `uncopied` still. @throws {Error} where KV fails */
  async catchUp(): Promise<void> {
    for (const { cluster, current } of this.#store.uncopied()) {
      if (current) await this.#copyBlobs(current);
      const last = this.#writtenAt.get(cluster);
      if (last !== undefined && Math.abs(this.#now() - last) < WRITE_EVERY_MS) continue;
      this.#writtenAt.set(cluster, this.#now());
      if (current) await this.#kv.put(pointerKey(cluster), current.jws);
      else await this.#kv.delete(pointerKey(cluster));
      this.#store.pointerCopied(cluster, current?.revision ?? null);
    }
  }

  async #copyBlobs({ jws }: KeptPointer): Promise<void> {
    const { blobs } = this.#store;
    const waiting = blobs.copiedLaterThan(Number.MAX_SAFE_INTEGER, hashesOf(jws));
    const copyNext = async (): Promise<void> => {
      for (let sha256 = waiting.pop(); sha256 !== undefined; sha256 = waiting.pop()) {
        const bytes = blobs.get(sha256);
        if (!bytes) continue;
        await this.#kv.put(blobKey(sha256), bytes);
        blobs.copied(sha256, this.#now());
      }
    };
    await Promise.all(Array.from({ length: PARALLEL }, copyNext));
  }
}
