import { exportJWK, generateKeyPair, type JWK } from 'jose';
import * as fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { UntrustedDocument } from '../../contract/revision.ts';
import {
  importSealingPrivateKey,
  importSealingPublicKey,
  openSecret,
  sealedFor,
  sealSecret,
  type SealingKey,
  type SecretBinding,
} from '../../contract/sealed-secret.ts';
import { tampered } from './keys.ts';

const binding: SecretBinding = {
  edge: 'https://edge.example.com',
  cluster: 'prod',
  provider: 'team/openai',
  origins: ['https://api.openai.com'],
};
let seal: SealingKey;
let open: SealingKey;
let stranger: SealingKey;
beforeAll(async () => {
  [seal, open] = await sealingPair('s1');
  [, stranger] = await sealingPair('s1');
});

test('what is sealed opens to the same value and binding', async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 200 }), async (value) => {
      const sealed = await sealSecret(value, binding, seal);
      expect(await openSecret(sealed, () => open)).toEqual({ value, binding });
    }),
    { numRuns: 25 },
  );
});

test('the value cannot be seen in what is sealed, and sealing twice gives different text', async () => {
  const [a, b] = await Promise.all([
    sealSecret('sk-very-secret', binding, seal),
    sealSecret('sk-very-secret', binding, seal),
  ]);
  expect(a).not.toBe(b);
  expect(atob(a.split('.')[3]!.replaceAll('-', '+').replaceAll('_', '/'))).not.toContain('sk-very');
});

test('what it is bound to can be read without opening it', async () => {
  expect(sealedFor(await sealSecret('x', binding, seal))).toEqual({ kid: 's1', binding });
});

// Direct key agreement has no encrypted key: the second of the five parts is empty.
test.each([0, 2, 3, 4])('it does not open when part %i was changed', async (part) => {
  const sealed = tampered(await sealSecret('a value that is long enough', binding, seal), part);
  await expect(openSecret(sealed, () => open)).rejects.toThrow(UntrustedDocument);
});

test('it does not open when it is bound to another origin afterwards', async () => {
  const sealed = await sealSecret('x', binding, seal);
  const [header, ...rest] = sealed.split('.');
  const text = atob(header!.replaceAll('-', '+').replaceAll('_', '/')).replace('api.openai.com', 'evil.example.io');
  const forged = [btoa(text).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', ''), ...rest].join('.');
  expect(sealedFor(forged).binding.origins).toEqual(['https://evil.example.io']);
  await expect(openSecret(forged, () => open)).rejects.toThrow(UntrustedDocument);
});

test('it does not open with another key of the same id', async () => {
  await expect(openSecret(await sealSecret('x', binding, seal), () => stranger)).rejects.toThrow(UntrustedDocument);
});

test('it names the key that is missing', async () => {
  await expect(openSecret(await sealSecret('x', binding, seal), () => undefined)).rejects.toThrow('the key "s1"');
});

test('no error tells the value', async () => {
  const sealed = tampered(await sealSecret('sk-very-secret', binding, seal), 3, 2);
  const error = await openSecret(sealed, () => open).catch((thrown: unknown) => thrown);
  expect(String(error)).not.toContain('sk-very');
});

test.each(['', 'x', 'a.b.c', 'a.b.c.d.e'])('what is not sealed is refused: %j', async (text) => {
  await expect(openSecret(text, () => open)).rejects.toThrow(UntrustedDocument);
});

test('a public key does not pass for a private one', async () => {
  const jwk = await exportJWK(seal.key);
  await expect(importSealingPrivateKey({ ...jwk, kid: 's1' })).rejects.toThrow('expected a private X25519 JWK');
});

async function sealingPair(kid: string): Promise<[SealingKey, SealingKey]> {
  const { publicKey, privateKey } = await generateKeyPair('ECDH-ES', { crv: 'X25519', extractable: true });
  const { x } = await exportJWK(publicKey);
  const jwk: JWK = { ...(await exportJWK(privateKey)), kid };
  return [await importSealingPublicKey(kid, x!), await importSealingPrivateKey(jwk)];
}
