import { exportJWK, generateKeyPair } from 'jose';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Credential, ProviderEntry, SecretEntry } from '../../../contract/routing-table.ts';
import {
  importSealingPrivateKey,
  importSealingPublicKey,
  sealSecret,
  type SealingKey,
  type SecretBinding,
} from '../../../contract/sealed-secret.ts';
import type { ClusterTable } from '../../../worker/table/served-table.ts';
import { CredentialFault, Credentials } from '../../../worker/upstream/credentials.ts';
import { providerEntry, tableOfEntries } from '../support/table-of-entries.ts';

const EDGE = 'https://edge.example.com';
const PROVIDER = 'team/openai';
const VALUE = 'sk-very-secret';
const ID = 'a'.repeat(64);
const SEALED: Credential = { type: 'Sealed', id: ID };
const BINDING: SecretBinding = { edge: EDGE, cluster: 'prod', provider: PROVIDER, origins: ['https://api.openai.com'] };
const provider = providerEntry({ baseURL: 'https://api.openai.com/v1' });

let seal: SealingKey;
let open: SealingKey;
beforeAll(async () => {
  const { publicKey, privateKey } = await generateKeyPair('ECDH-ES', { crv: 'X25519', extractable: true });
  const { x } = await exportJWK(publicKey);
  seal = await importSealingPublicKey('s1', x!);
  open = await importSealingPrivateKey({ ...(await exportJWK(privateKey)), kid: 's1' });
});

describe('a sealed secret', () => {
  test('is opened for what it is bound to', async () => {
    expect(await valueOf({})).toBe(VALUE);
  });

  test.each([
    ['another edge', { edge: 'https://other.example.com' }, 'sealed for the edge https://other.example.com'],
    ['another cluster', { cluster: 'staging' }, 'sealed by the cluster staging'],
    ['another provider', { provider: 'team/other' }, 'sealed for the provider team/other'],
    ['another origin', { origins: ['https://api.groq.com'] }, 'may not be sent to https://api.openai.com'],
    ['another port', { origins: ['https://api.openai.com:8443'] }, 'may not be sent to https://api.openai.com'],
    ['another scheme', { origins: ['http://api.openai.com'] }, 'may not be sent to https://api.openai.com'],
    ['a longer name', { origins: ['https://api.openai.com.evil.io'] }, 'may not be sent to https://api.openai.com'],
    ['a binding', { origins: ['binding:VPC'] }, 'may not be sent to https://api.openai.com'],
  ])('is not sent where it is bound to %s', async (_, change, sentence) => {
    await expect(valueOf({ ...BINDING, ...change })).rejects.toThrow(CredentialFault);
    await expect(valueOf({ ...BINDING, ...change })).rejects.toThrow(sentence);
  });

  test('may go to any of its origins', async () => {
    expect(await valueOf({ origins: ['https://api.groq.com', 'https://api.openai.com'] })).toBe(VALUE);
  });

  test('is bound to a binding by its name, whatever host is called through it', async () => {
    const through = providerEntry({ baseURL: 'http://vllm.models.svc', binding: 'VPC' });
    expect(await valueOf({ origins: ['binding:VPC'] }, through)).toBe(VALUE);
    await expect(valueOf({ origins: ['http://vllm.models.svc'] }, through)).rejects.toThrow(
      'may not be sent to binding:VPC',
    );
    await expect(valueOf({ origins: ['binding:OTHER'] }, through)).rejects.toThrow('may not be sent to binding:VPC');
  });

  test('that is open already is checked again for another use', async () => {
    const sealed = await sealSecret(VALUE, BINDING, seal);
    const { credentials, table } = made({ [ID]: { sealed } });
    expect(await credentials.value(SEALED, of(table))).toBe(VALUE);
    const elsewhere = providerEntry({ baseURL: 'https://evil.example.io/v1' });
    expect(() => credentials.value(SEALED, of(table, provider, 'evil/provider'))).toThrow(CredentialFault);
    expect(() => credentials.value(SEALED, of(table, elsewhere))).toThrow('may not be sent to https://evil.example.io');
  });

  test('is opened once: from then on it is at hand without waiting', async () => {
    const { credentials, table } = made({ [ID]: { sealed: await sealSecret(VALUE, BINDING, seal) } });
    await credentials.value(SEALED, of(table));
    expect(credentials.value(SEALED, of(table))).toBe(VALUE);
  });

  test('that was replaced is opened anew', async () => {
    const first = made({ [ID]: { sealed: await sealSecret('old', BINDING, seal) } });
    expect(await first.credentials.value(SEALED, of(first.table))).toBe('old');
    const { table } = made({ [ID]: { sealed: await sealSecret('new', BINDING, seal) } });
    expect(await first.credentials.value(SEALED, of(table))).toBe('new');
  });

  test('of one cluster is not for the provider of the same name of another, also when it is open already', async () => {
    const sealed = await sealSecret(VALUE, BINDING, seal);
    const { credentials, table } = made({ [ID]: { sealed } });
    await credentials.value(SEALED, of(table));
    const entries = { routes: {}, models: {}, providers: {}, secrets: { [ID]: { sealed } } };
    const elsewhere = tableOfEntries(entries, 'abcdef012345', 'staging');
    expect(() => credentials.value(SEALED, of(elsewhere))).toThrow('sealed by the cluster prod');
  });

  test('that requires what this worker does not know is not opened', async () => {
    const sealed = await sealSecret(VALUE, BINDING, seal);
    const { credentials, table } = made({ [ID]: { sealed, requires: ['two-keys'] } });
    expect(() => credentials.value(SEALED, of(table))).toThrow('requires two-keys, which this worker does not know');
  });

  test('that is not in the table is a fault', () => {
    const { credentials, table } = made({});
    expect(() => credentials.value(SEALED, of(table))).toThrow('is not in the table');
  });

  test('that cannot be opened is a fault, which does not tell it', async () => {
    const sealed = await sealSecret(VALUE, BINDING, seal);
    const { credentials, table } = made({ [ID]: { sealed } }, { findKey: () => undefined });
    const fault = await Promise.resolve(credentials.value(SEALED, of(table))).catch((error: unknown) => error);
    expect(fault).toBeInstanceOf(CredentialFault);
    expect(String(fault)).toContain('the key "s1"');
    expect(String(fault)).not.toContain(VALUE);
    const altered = made({ [ID]: { sealed: `${sealed.slice(0, -4)}AAAA` } });
    await expect(altered.credentials.value(SEALED, of(altered.table))).rejects.toThrow('cannot be opened');
  });
});

describe('a secret of the worker', () => {
  const secrets: Readonly<Record<string, string>> = {
    OPENAI_API_KEY: VALUE,
    EMPTY: '',
    FAIRLEAD_SEALING_KEYS: 'private',
    UPSTASH_REDIS_REST_TOKEN: 'private',
  };
  const valueOfSecret = (name: string) => {
    const { credentials, table } = made({}, { workerSecret: (asked) => secrets[asked] });
    return credentials.value({ type: 'WorkerSecret', name }, of(table));
  };

  test('is at hand', () => {
    expect(valueOfSecret('OPENAI_API_KEY')).toBe(VALUE);
  });

  test.each(['MISSING', 'EMPTY'])('that is not set says how to set it: %s', (name) => {
    expect(() => valueOfSecret(name)).toThrow(`the worker has no secret ${name}: run \`wrangler secret put ${name}\``);
  });

  test.each(['FAIRLEAD_SEALING_KEYS', 'UPSTASH_REDIS_REST_TOKEN'])(
    'is never one of the gateway’s own, whatever the table says: %s',
    (name) => {
      expect(() => valueOfSecret(name)).toThrow(CredentialFault);
    },
  );
});

function of(home: ClusterTable, to: ProviderEntry = provider, providerId = PROVIDER) {
  return { providerId, provider: to, home };
}

async function valueOf(change: Partial<SecretBinding>, to: ProviderEntry = provider): Promise<string> {
  const { credentials, table } = made({ [ID]: { sealed: await sealSecret(VALUE, { ...BINDING, ...change }, seal) } });
  return credentials.value(SEALED, of(table, to));
}

function made(
  secrets: Readonly<Record<string, SecretEntry>>,
  change: { findKey?: () => undefined; workerSecret?: (name: string) => string | undefined } = {},
) {
  const findKey = (kid: string): SealingKey | undefined => (kid === 's1' ? open : undefined);
  const credentials = new Credentials({
    edge: EDGE,
    findKey,
    workerSecret: () => undefined,
    ...change,
  });
  return { credentials, table: tableOfEntries({ routes: {}, models: {}, providers: {}, secrets }) };
}
