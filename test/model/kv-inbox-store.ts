import { INBOX_TTL_SECONDS } from '../../contract/storage-keys.ts';
import { utf8Bytes } from '../../contract/encoding.ts';
import type { InboxStore } from '../../sync-agent/publish/inbox-carrier.ts';
import { PublishFailure } from '../../sync-agent/publish/publish-failure.ts';
import { within } from '../../worker/table/within.ts';
import type { LaggingKv } from './lagging-kv.ts';

/** How long a request to the store may take, in milliseconds (STORE_TIMEOUT_MS of the agent). */
const TIMEOUT_MS = 60_000;

/** KV as an agent's inbox: written and read through the API, from a place of its own. */
export function kvInboxStore(kv: LaggingKv): InboxStore {
  const api = kv.at('api');
  const answered = async <T>(call: Promise<T>): Promise<T> => {
    try {
      return await within(TIMEOUT_MS, call);
    } catch (error) {
      throw new PublishFailure('edge-failing', `Cloudflare's API answers: ${String(error)}`, { cause: error });
    }
  };
  return {
    kind: 'CloudflareKV',
    name: 'Cloudflare KV',
    put: async (entries) => {
      for (const entry of entries)
        await answered(
          api.put(entry.key, 'text' in entry ? utf8Bytes(entry.text) : entry.bytes, {
            expirationTtl: INBOX_TTL_SECONDS,
          }),
        );
    },
    has: async (key) => (await answered(api.get(key, 'text'))) !== null,
  };
}
