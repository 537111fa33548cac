import { z } from 'zod';
import { importSigningKey, type KeyWithId } from '../../contract/revision.ts';
import { PublishFailure } from './publish-failure.ts';

/** The key by which a cluster signs, and its public half, by which it knows its own signature again. */
export interface SigningIdentity {
  readonly signing: KeyWithId;
  readonly verifying: KeyWithId;
}

const privateJwk = z.object({
  kty: z.literal('OKP'),
  crv: z.literal('Ed25519'),
  kid: z.string().min(1).max(64),
  x: z.string(),
  d: z.string(),
});

/** @param text a private Ed25519 JWK with `kid`, as JSON. @throws {PublishFailure} that holds nothing of the key */
export async function readSigningIdentity(text: string): Promise<SigningIdentity> {
  try {
    const { d, ...publicJwk } = privateJwk.parse(JSON.parse(text));
    return { signing: await importSigningKey({ ...publicJwk, d }), verifying: await importSigningKey(publicJwk) };
  } catch {
    // The cause is left out on purpose: a parser's message may quote the key.
    throw new PublishFailure(
      'unusable-key',
      'the signing key is not a private Ed25519 JWK with a kid: make one with `fairlead keygen`, and put it into the ' +
        'Secret that EdgeGateway.spec.signingKeySecretRef names, under `signing-key`',
    );
  }
}
