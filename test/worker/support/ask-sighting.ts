import { exportJWK, generateKeyPair } from 'jose';
import { utf8Bytes } from '../../../contract/encoding.ts';
import { PUBLISH_PATHS } from '../../../contract/publish-api.ts';
import { signRequest } from '../../../contract/publish-request.ts';
import { importSigningKey } from '../../../contract/revision.ts';
import type { ProviderEntry } from '../../../contract/routing-table.ts';
import {
  importSealingPrivateKey,
  importSealingPublicKey,
  sealSecret,
  type SecretBinding,
} from '../../../contract/sealed-secret.ts';
import { sightingAnswer, type SightingAnswer, type SightingQuestion } from '../../../contract/sighting.ts';
import { CLUSTER, EDGE, FIRST_KEY } from '../table/test-keys.ts';
import { providerEntry } from './table-of-entries.ts';
import type { TestEdge } from './test-edge.ts';

export const SERVICE = 'ai/llama..inferenceservice-0a1b2c3d';
export const ACCESS_SECRET = 'access-secret-0123456789';
const SECRET_ID = 'e'.repeat(64);

const pair = await generateKeyPair('ECDH-ES', { crv: 'X25519', extractable: true });
const { x = '' } = await exportJWK(pair.publicKey);
const sealing = await importSealingPublicKey('s1', x);
const opening = await importSealingPrivateKey({ ...(await exportJWK(pair.privateKey)), kid: 's1' });
export const sealingKeys = { findKey: (kid: string) => (kid === 's1' ? opening : undefined) };

/** An agent's question about `https://llama.example`. */
export function questionOf(
  entry: Partial<ProviderEntry> = {},
  change: Partial<SightingQuestion> = {},
): SightingQuestion {
  return {
    provider: SERVICE,
    entry: providerEntry({ baseURL: 'https://llama.example', ...entry }),
    secrets: {},
    paths: ['/openai/v1', '/v1'],
    ...change,
  };
}

/** The same through Cloudflare Access, with its two headers. @param binding what its secret is bound to */
export async function questionWithSecret(binding: Partial<SecretBinding> = {}): Promise<SightingQuestion> {
  const whole = { edge: EDGE, cluster: CLUSTER, provider: SERVICE, origins: ['https://llama.example'], ...binding };
  return questionOf(
    {
      headers: [
        { name: 'cf-access-client-id', type: 'Value', value: 'abc.access' },
        { name: 'cf-access-client-secret', type: 'Sealed', id: SECRET_ID },
      ],
    },
    { secrets: { [SECRET_ID]: { sealed: await sealSecret(ACCESS_SECRET, whole, sealing) } } },
  );
}

interface Asking {
  readonly cluster?: string;
  readonly key?: typeof FIRST_KEY;
  /** When it is signed, in milliseconds since the epoch. */
  readonly at?: number;
}

/** Asks as the cluster's agent does. */
export async function ask(edge: TestEdge, question: unknown, asking: Asking = {}): Promise<Response> {
  const { cluster = CLUSTER, key = FIRST_KEY, at = Date.now() } = asking;
  const path = PUBLISH_PATHS.sighting(cluster);
  const body = utf8Bytes(JSON.stringify(question));
  const signing = await importSigningKey(key);
  const authorization = await signRequest({ edge: EDGE, method: 'POST', path, body }, signing, at);
  return edge.request(path, { method: 'POST', headers: { authorization }, body });
}

export async function seen(edge: TestEdge, question: unknown, asking: Asking = {}): Promise<SightingAnswer> {
  return sightingAnswer.parse(await (await ask(edge, question, asking)).json());
}
