import type { Miniflare } from 'miniflare';

/** What the edge's KV holds, for those who test it from the outside: whoever has write access there is no friend. */
export interface EdgeKv {
  get(key: string): Promise<Uint8Array | null>;
  put(key: string, value: string | Uint8Array, options?: { expirationTtl?: number }): Promise<void>;
  delete(key: string): Promise<void>;
  /** Names, in order. */
  list(prefix?: string): Promise<string[]>;
}

/** @param running the workerd of `worker`, which has the binding TABLE_KV; absent while it is stopped */
export function edgeKv(running: () => Miniflare | undefined, worker: string): EdgeKv {
  const namespace = async () => {
    const miniflare = running();
    if (miniflare === undefined) throw new Error('the edge is stopped, and its KV with it');
    return miniflare.getKVNamespace('TABLE_KV', worker);
  };
  return {
    async get(key) {
      const bytes = await (await namespace()).get(key, 'arrayBuffer');
      return bytes === null ? null : new Uint8Array(bytes);
    },
    async put(key, value, options = {}) {
      const body = typeof value === 'string' ? value : value.slice().buffer;
      await (await namespace()).put(key, body, options);
    },
    async delete(key) {
      await (await namespace()).delete(key);
    },
    async list(prefix = '') {
      const names: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await (await namespace()).list({ prefix, ...(cursor !== undefined && { cursor }) });
        names.push(...page.keys.map(({ name }) => name));
        cursor = page.list_complete ? undefined : page.cursor;
      } while (cursor !== undefined);
      return names;
    },
  };
}
