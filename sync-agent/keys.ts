import { calculateJwkThumbprint, exportJWK, generateKeyPair, type CryptoKey, type JWK } from 'jose';
import type { ClusterTrust } from '../contract/cluster-trust.ts';

/** Signs pointers and publish requests: the private half stays in the cluster, the public half goes to the worker. */
export interface SigningKeyPair {
  /** Ed25519, with `kid`. */
  readonly privateJwk: JWK & { readonly kid: string };
  readonly publicJwk: ClusterTrust['verifyingKeys'][number];
}

/** Seals secrets to the edge: the private half is a secret of the worker, the public half stands in the EdgeGateway. */
export interface SealingKeyPair {
  /** X25519, with `kid`. */
  readonly privateJwk: JWK & { readonly kid: string };
  readonly kid: string;
  /** 32 bytes, base64url. */
  readonly publicKey: string;
}

export async function makeSigningKey(): Promise<SigningKeyPair> {
  const { privateKey } = await generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true });
  const { x, d } = await privateMembers(privateKey);
  const kid = await keyId('signing', { kty: 'OKP', crv: 'Ed25519', x });
  const publicJwk = { kty: 'OKP', crv: 'Ed25519', x, kid } as const;
  return { privateJwk: { ...publicJwk, d }, publicJwk };
}

export async function makeSealingKey(): Promise<SealingKeyPair> {
  const { privateKey } = await generateKeyPair('ECDH-ES', { crv: 'X25519', extractable: true });
  const { x, d } = await privateMembers(privateKey);
  const kid = await keyId('sealing', { kty: 'OKP', crv: 'X25519', x });
  return { privateJwk: { kty: 'OKP', crv: 'X25519', x, d, kid }, kid, publicKey: x };
}

/** The key of the HMAC that names secrets: 32 random bytes, base64url. */
export function makeSecretIdKey(): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('base64url');
}

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
/** 24 digits of base 62 are 142 bits: looked up by a plain SHA-256, they cannot be guessed from it. */
const VIRTUAL_KEY_DIGITS = 24;

/** @param randomBytes a cryptographic source of that many bytes */
export function makeVirtualKey(randomBytes: (count: number) => Uint8Array = secureBytes): string {
  let digits = '';
  while (digits.length < VIRTUAL_KEY_DIGITS) {
    for (const byte of randomBytes(VIRTUAL_KEY_DIGITS)) {
      // 248 is the largest multiple of 62 within a byte: taking what lies above would favour some digits.
      if (byte < 248 && digits.length < VIRTUAL_KEY_DIGITS) digits += BASE62[byte % 62];
    }
  }
  return `sk-fairlead-${digits}`;
}

function secureBytes(count: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(count));
}

async function privateMembers(key: CryptoKey): Promise<{ x: string; d: string }> {
  const { x, d } = await exportJWK(key);
  if (x === undefined || d === undefined) throw new TypeError('the key pair cannot be exported');
  return { x, d };
}

/** What it is for and the beginning of its RFC 7638 thumbprint: two keys never share an id by accident. */
async function keyId(purpose: string, publicJwk: JWK): Promise<string> {
  return `${purpose}-${(await calculateJwkThumbprint(publicJwk)).slice(0, 12)}`;
}
