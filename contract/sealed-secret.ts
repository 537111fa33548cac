import { CompactEncrypt, compactDecrypt, decodeProtectedHeader, importJWK, type CryptoKey, type JWK } from 'jose';
import * as z from 'zod';
import { UntrustedDocument } from './revision.ts';

/**
 * A secret on its way to the edge: JWE (ECDH-ES over X25519, A256GCM). The protected header binds it to what it may
 * be used for; the worker sends it nowhere else.
 */
export const secretBinding = z.strictObject({
  /** Origin of the edge that may open it. */
  edge: z.string(),
  cluster: z.string(),
  /** `namespace/name` of the provider. */
  provider: z.string(),
  /** Origins that it may be sent to, sorted; `binding:NAME` for a worker's binding. */
  origins: z.array(z.string()).min(1),
});
export type SecretBinding = z.infer<typeof secretBinding>;

const protectedHeader = z.looseObject({ kid: z.string(), fairlead: secretBinding });

export interface SealingKey {
  readonly kid: string;
  readonly key: CryptoKey;
}

/** @param publicKey X25519, 32 bytes in base64url, as in EdgeGateway.spec.sealingKeys */
export function importSealingPublicKey(kid: string, publicKey: string): Promise<SealingKey> {
  return importX25519({ kty: 'OKP', crv: 'X25519', x: publicKey, kid });
}

/** @throws {TypeError} where the JWK is not a private X25519 key with a `kid` */
export async function importSealingPrivateKey(jwk: JWK): Promise<SealingKey> {
  if (jwk.d === undefined) throw new TypeError('expected a private X25519 JWK');
  return importX25519(jwk);
}

async function importX25519(jwk: JWK): Promise<SealingKey> {
  if (jwk.kty !== 'OKP' || jwk.crv !== 'X25519' || !jwk.kid) throw new TypeError('expected an X25519 JWK with a kid');
  const key = await importJWK(jwk, 'ECDH-ES');
  if (key instanceof Uint8Array) throw new TypeError('expected an X25519 JWK');
  return { kid: jwk.kid, key };
}

/** Sealing the same value twice gives different text; `secretId` gives the name under which one sealing is kept. */
export function sealSecret(value: string, binding: SecretBinding, { kid, key }: SealingKey): Promise<string> {
  return new CompactEncrypt(new TextEncoder().encode(value))
    .setProtectedHeader({ alg: 'ECDH-ES', enc: 'A256GCM', kid, fairlead: binding })
    .encrypt(key);
}

/** What a sealed secret says of itself, unverified until it is opened. @throws {UntrustedDocument} */
export function sealedFor(sealed: string): { kid: string; binding: SecretBinding } {
  let header: unknown;
  try {
    header = decodeProtectedHeader(sealed);
  } catch {
    throw new UntrustedDocument('it is not a JWE');
  }
  const parsed = protectedHeader.safeParse(header);
  if (!parsed.success) throw new UntrustedDocument('it does not say what it is bound to');
  return { kid: parsed.data.kid, binding: parsed.data.fairlead };
}

/**
 * Opens a sealed secret. The binding that comes with it is authentic; whether it fits the use is the caller's check.
 *
 * @throws {UntrustedDocument} where no key of ours opens it, or it was altered
 */
export async function openSecret(
  sealed: string,
  findKey: (kid: string) => SealingKey | undefined,
): Promise<{ value: string; binding: SecretBinding }> {
  const { kid, binding } = sealedFor(sealed);
  const found = findKey(kid);
  if (!found)
    throw new UntrustedDocument(`it is sealed to the key ${JSON.stringify(kid)}, which this edge does not have`);
  try {
    const { plaintext } = await compactDecrypt(sealed, found.key, {
      keyManagementAlgorithms: ['ECDH-ES'],
      contentEncryptionAlgorithms: ['A256GCM'],
    });
    return { value: new TextDecoder('utf-8', { fatal: true }).decode(plaintext), binding };
  } catch {
    throw new UntrustedDocument('it was altered, or sealed to another key of the same id');
  }
}
