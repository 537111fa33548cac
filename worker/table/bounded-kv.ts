import { within } from './within.ts';

/** KV as the hub uses it. */
export interface HubKv extends Pick<KVNamespace, 'put' | 'delete'> {
  get(key: string, type: 'text'): Promise<string | null>;
  get(key: string, type: 'stream'): Promise<ReadableStream<Uint8Array> | null>;
}

/** How long a call of KV may take, in milliseconds. */
const KV_TIMEOUT_MS = 5_000;

/**
 * KV with an end to every call. One that never answers would hold up who claims a term, and the alarm, which does not
 * run again while it runs.
 */
export function boundedKv(kv: HubKv): HubKv {
  function get(key: string, type: 'text'): Promise<string | null>;
  function get(key: string, type: 'stream'): Promise<ReadableStream<Uint8Array> | null>;
  function get(key: string, type: 'text' | 'stream'): Promise<string | ReadableStream<Uint8Array> | null> {
    return type === 'text' ? within(KV_TIMEOUT_MS, kv.get(key, type)) : within(KV_TIMEOUT_MS, kv.get(key, type));
  }
  return {
    get,
    put: (key, value, options) => within(KV_TIMEOUT_MS, kv.put(key, value, options)),
    delete: (key) => within(KV_TIMEOUT_MS, kv.delete(key)),
  };
}
