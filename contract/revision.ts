import { CompactSign, compactVerify, importJWK, type CryptoKey, type JWK } from 'jose';
import * as z from 'zod';
import { canonicalJson } from './canonical-json.ts';
import { sha256Hex } from './encoding.ts';
import { pointer as pointerSchema, type Generation, type Pointer } from './routing-table.ts';
import { KNOWN_SCHEMA_VERSIONS } from './schema-version.ts';

/** `typ` of the signed pointer, so that no other signed document of the same key can stand in for it. */
const POINTER_TYPE = 'fairlead-pointer+jws';

/** Read before anything else of a pointer: what a newer version put beside it is not ours to judge. */
const versionedDocument = z.looseObject({ schemaVersion: z.int().positive() });

/**
 * A compact JWS whose signature is 64 bytes in their one encoding. A lenient decoder would also take others, which
 * anyone could make: one pointer would then go by several revisions.
 */
const COMPACT_JWS = /^[\w-]+\.[\w-]+\.[\w-]{85}[AQgw]$/;

/** An Ed25519 key with the id by which the other side knows it. */
export interface KeyWithId {
  readonly kid: string;
  readonly key: CryptoKey;
}

/** @throws {TypeError} where the JWK is not an Ed25519 key with a `kid` */
export async function importSigningKey(jwk: JWK): Promise<KeyWithId> {
  if (jwk.kty !== 'OKP' || jwk.crv !== 'Ed25519' || !jwk.kid) throw new TypeError('expected an Ed25519 JWK with a kid');
  const key = await importJWK(jwk, 'EdDSA');
  if (key instanceof Uint8Array) throw new TypeError('expected an Ed25519 JWK');
  return { kid: jwk.kid, key };
}

/** Signs a pointer. Ed25519 is deterministic: the same pointer and key give the same text, hence the same revision. */
export function signPointer(pointer: Pointer, signingKey: KeyWithId): Promise<string> {
  return signDocument(canonicalJson(pointer), POINTER_TYPE, signingKey);
}

/**
 * Verifies a signed pointer.
 *
 * @param findKey the verifying key of a `kid`, or undefined where that key may not sign
 * @throws {UntrustedDocument} where signature, type or shape are not those of a pointer
 * @throws {UnknownSchema} where it is signed, and of a schema version that this build does not know
 */
export async function verifyPointer(jws: string, findKey: FindKey): Promise<Pointer> {
  const payload = await verifyDocument(jws, POINTER_TYPE, findKey);
  const versioned = versionedDocument.safeParse(payload);
  if (versioned.success && !KNOWN_SCHEMA_VERSIONS.includes(versioned.data.schemaVersion))
    throw new UnknownSchema(versioned.data.schemaVersion);
  const parsed = pointerSchema.safeParse(payload);
  if (!parsed.success) throw new UntrustedDocument('it is signed, but is not a pointer of this schema version');
  return parsed.data;
}

/** The name by which people see a revision: the first 12 hexadecimal digits of the signed pointer's SHA-256. */
export async function revisionOf(jws: string): Promise<string> {
  return (await sha256Hex(jws)).slice(0, 12);
}

/** Negative where `a` is older than `b`: a new term outranks every sequence of the terms before it. */
export function compareGenerations(a: Generation, b: Generation): number {
  return a.term - b.term || a.sequence - b.sequence;
}

export function sameGeneration(a: Generation | null, b: Generation | null): boolean {
  return a === null || b === null ? a === b : compareGenerations(a, b) === 0;
}

/** `term.sequence`, as people see it. */
export function generationName(generation: Generation): string {
  return `${generation.term}.${generation.sequence}`;
}

export type FindKey = (kid: string) => KeyWithId | undefined;

/** A document that must not be believed. The message says what is wrong with it, and holds nothing of its content. */
export class UntrustedDocument extends Error {
  override name = 'UntrustedDocument';
}

/** A genuine document of a version that this build does not know: mostly one for a newer build. */
export class UnknownSchema extends Error {
  override name = 'UnknownSchema';
  readonly schemaVersion: number;

  constructor(schemaVersion: number) {
    super(`it has schema version ${schemaVersion}, and this build reads ${KNOWN_SCHEMA_VERSIONS.join(', ')}`);
    this.schemaVersion = schemaVersion;
  }
}

export function signDocument(json: string, type: string, { kid, key }: KeyWithId): Promise<string> {
  return new CompactSign(new TextEncoder().encode(json)).setProtectedHeader({ alg: 'EdDSA', kid, typ: type }).sign(key);
}

/** @throws {UntrustedDocument} */
export async function verifyDocument(jws: string, type: string, findKey: FindKey): Promise<unknown> {
  if (!COMPACT_JWS.test(jws)) throw new UntrustedDocument('it is not a signed document');
  try {
    const { payload, protectedHeader } = await compactVerify(
      jws,
      ({ kid }) => {
        const found = kid === undefined ? undefined : findKey(kid);
        if (!found) throw new UntrustedDocument(`no key with the id ${JSON.stringify(kid)} may sign it`);
        return found.key;
      },
      { algorithms: ['EdDSA'] },
    );
    if (protectedHeader.typ !== type) throw new UntrustedDocument(`its type is not ${type}`);
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload));
  } catch (error) {
    if (error instanceof UntrustedDocument) throw error;
    throw new UntrustedDocument('its signature does not verify');
  }
}
