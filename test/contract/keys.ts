import { exportJWK, generateKeyPair, type JWK } from 'jose';
import { importSigningKey, type FindKey, type KeyWithId } from '../../contract/revision.ts';

export async function signingPair(kid: string): Promise<{ sign: KeyWithId; verify: KeyWithId; find: FindKey }> {
  const { privateKey } = await generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true });
  const jwk: JWK = { ...(await exportJWK(privateKey)), kid };
  const { d: _, ...publicJwk } = jwk;
  const verify = await importSigningKey(publicJwk);
  return { sign: await importSigningKey(jwk), verify, find: (asked) => (asked === kid ? verify : undefined) };
}

/** The text with one character of one of its dot-separated parts changed. */
export function tampered(text: string, part: number, at = 10): string {
  const parts = text.split('.');
  const changed = parts[part] ?? '';
  parts[part] = changed.slice(0, at) + (changed[at] === 'A' ? 'B' : 'A') + changed.slice(at + 1);
  return parts.join('.');
}
