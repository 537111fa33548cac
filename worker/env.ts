import * as z from 'zod';
import { importSealingPrivateKey, type SealingKey } from '../contract/sealed-secret.ts';
import type { TableHub } from './table/hub-object.ts';

/** What the worker is configured with: `wrangler.toml` explains each. */
export interface Env {
  readonly FAIRLEAD_ENDPOINT: string;
  readonly FAIRLEAD_CLUSTERS: string;
  readonly FAIRLEAD_LOCAL?: string;
  readonly FAIRLEAD_SEALING_KEYS?: string;
  readonly UPSTASH_REDIS_REST_URL?: string;
  readonly UPSTASH_REDIS_REST_TOKEN?: string;
  readonly TABLE_HUB: DurableObjectNamespace<TableHub>;
  readonly TABLE_KV: KVNamespace;
}

const privateKey = z.looseObject({
  kty: z.literal('OKP'),
  crv: z.literal('X25519'),
  x: z.string(),
  d: z.string(),
  kid: z.string().min(1),
});

/** Absent: no sealed secret can be opened. */
const sealingKeys = z
  .string()
  .default('{"keys":[]}')
  .transform((text, context): unknown => {
    try {
      return JSON.parse(text);
    } catch {
      context.addIssue({ code: 'custom', message: 'is not JSON' });
      return z.NEVER;
    }
  })
  .pipe(z.object({ keys: z.array(privateKey).max(4) }));

const bindings = z.object({
  TABLE_HUB: z.custom((value) => isBinding(value), {
    error: 'the Durable Object binding is missing: see wrangler.toml',
  }),
  TABLE_KV: z.custom((value) => isBinding(value), { error: 'the KV binding is missing: see wrangler.toml' }),
  FAIRLEAD_SEALING_KEYS: sealingKeys,
});

/**
 * The part of the configuration that the table does not read itself (table/table-settings.ts).
 *
 * @throws {Error} with a sentence for the operator, which holds no value
 */
export async function readSealingKeys(env: Env): Promise<ReadonlyMap<string, SealingKey>> {
  const parsed = bindings.safeParse(env);
  if (!parsed.success) throw new Error(`The worker's configuration cannot be used:\n${z.prettifyError(parsed.error)}`);
  const keys = await Promise.all(parsed.data.FAIRLEAD_SEALING_KEYS.keys.map(importKey));
  return new Map(keys.map((key) => [key.kid, key]));
}

async function importKey(jwk: z.infer<typeof privateKey>): Promise<SealingKey> {
  try {
    return await importSealingPrivateKey(jwk);
  } catch (error) {
    const message = `The key ${jwk.kid} of FAIRLEAD_SEALING_KEYS is no X25519 key: \`npx fairlead keygen\` makes one.`;
    throw new Error(message, { cause: error });
  }
}

function isBinding(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** A secret of the worker by its name, if it is one. */
export function workerSecret(env: Env, name: string): string | undefined {
  const value: unknown = Reflect.get(env, name);
  return typeof value === 'string' ? value : undefined;
}

/** A binding of the worker by its name, if it can be called. */
export function fetcherBinding(env: Env, name: string): Fetcher | undefined {
  const value: unknown = Reflect.get(env, name);
  return isFetcher(value) ? value : undefined;
}

function isFetcher(value: unknown): value is Fetcher {
  return isBinding(value) && typeof Reflect.get(value, 'fetch') === 'function';
}
