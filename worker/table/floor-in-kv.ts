import type { Generation } from '../../contract/routing-table.ts';
import { pointerKey } from '../../contract/storage-keys.ts';
import type { TableLog } from './table-log.ts';
import type { TrustedCluster } from './table-settings.ts';
import { verifyPush } from './verify-push.ts';

/**
 * The generation of the cluster's pointer in KV, or null where there is none that is genuine: a hub that was wiped finds
 * there what it had admitted.
 *
 * Where KV cannot be read that is logged, and nothing is known: it is a help, and a claim goes on without it.
 */
export async function floorInKv(
  kv: { get(key: string, type: 'text'): Promise<string | null> },
  edge: string,
  { trust, findKey }: TrustedCluster,
  log: TableLog,
): Promise<Generation | null> {
  let jws: string | null;
  try {
    jws = await kv.get(pointerKey(trust.name), 'text');
  } catch (error) {
    const fields = { cluster: trust.name, error: String(error) };
    log('warn', 'KV cannot be read; a term is granted without it', fields);
    return null;
  }
  if (jws === null) return null;
  const verified = await verifyPush(jws, findKey);
  if ('fault' in verified) return null;
  const { pointer } = verified;
  return pointer.edge === edge && pointer.cluster === trust.name ? pointer.generation : null;
}
