import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { clusterTrustList } from '../../contract/cluster-trust.ts';
import { importSigningKey, signDocument, verifyDocument } from '../../contract/revision.ts';
import {
  importSealingPrivateKey,
  importSealingPublicKey,
  openSecret,
  sealSecret,
} from '../../contract/sealed-secret.ts';
import { makeSealingKey, makeSecretIdKey, makeSigningKey, makeVirtualKey } from '../../sync-agent/keys.ts';
import {
  renderClusterSecret,
  renderSealingKeys,
  workerClusters,
  workerSealingKeys,
} from '../../sync-agent/render-keys.ts';

describe('keys', () => {
  test('what the private signing key signs, the rendered worker configuration verifies', async () => {
    const pair = await makeSigningKey();
    const [trust] = clusterTrustList.parse(JSON.parse(workerClusters('berlin', [pair])));
    const verifying = await importSigningKey(trust!.verifyingKeys[0]!);
    const signed = await signDocument('{"a":1}', 'test', await importSigningKey(pair.privateJwk));
    expect(await verifyDocument(signed, 'test', (kid) => (kid === verifying.kid ? verifying : undefined))).toEqual({
      a: 1,
    });
    expect(trust).toMatchObject({ name: 'berlin', hostnames: ['*'], models: ['*'] });
    expect(JSON.stringify(trust)).not.toContain(pair.privateJwk.d);
  });

  test('what is sealed to the rendered public key, the rendered worker secret opens', async () => {
    const pair = await makeSealingKey();
    const { sealingKeys }: { sealingKeys: { kid: string; publicKey: string }[] } = parse(renderSealingKeys([pair]));
    const { keys }: { keys: { kid: string }[] } = JSON.parse(workerSealingKeys([pair]));
    const binding = { edge: 'https://e', cluster: 'c', provider: 'a/b', origins: ['https://p'] };
    const sealed = await sealSecret(
      'sk-1',
      binding,
      await importSealingPublicKey(sealingKeys[0]!.kid, sealingKeys[0]!.publicKey),
    );
    const opener = await importSealingPrivateKey(keys[0]!);
    expect(await openSecret(sealed, () => opener)).toEqual({ value: 'sk-1', binding });
    expect(sealingKeys[0]!.publicKey).toMatch(/^[A-Za-z0-9_-]{43}$/);
  });

  test('the Secret for the cluster holds both keys under the names that the agent reads', async () => {
    const signingKey = await makeSigningKey();
    const secretIdKey = makeSecretIdKey();
    const yaml = renderClusterSecret({ namespace: 'ai', name: 'fairlead-keys', signingKey, secretIdKey });
    expect(parse(yaml)).toEqual({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { namespace: 'ai', name: 'fairlead-keys' },
      type: 'Opaque',
      stringData: { 'signing-key': JSON.stringify(signingKey.privateJwk), 'secret-id-key': secretIdKey },
    });
    expect(Buffer.from(secretIdKey, 'base64url')).toHaveLength(32);
  });

  test('a virtual key has 24 digits of base 62 and no digit is favoured', () => {
    expect(makeVirtualKey()).toMatch(/^sk-fairlead-[0-9A-Za-z]{24}$/);
    expect(makeVirtualKey()).not.toBe(makeVirtualKey());
    expect(makeVirtualKey(() => Uint8Array.from({ length: 256 }, (_, i) => 255 - i))).toBe(
      'sk-fairlead-zyxwvutsrqponmlkjihgfedc',
    );
  });
});
