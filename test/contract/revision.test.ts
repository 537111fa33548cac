import { base64url, CompactSign } from 'jose';
import * as fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  compareGenerations,
  generationName,
  UnknownSchema,
  revisionOf,
  sameGeneration,
  signDocument,
  signPointer,
  UntrustedDocument,
  verifyPointer,
} from '../../contract/revision.ts';
import type { Pointer } from '../../contract/routing-table.ts';
import { SCHEMA_VERSION } from '../../contract/schema-version.ts';
import { signingPair, tampered } from './keys.ts';

const generation = fc.record({ term: fc.nat(5), sequence: fc.nat(5) });

describe('generations', () => {
  test('are in one order: of two different ones exactly one is older', () => {
    fc.assert(
      fc.property(generation, generation, (a, b) => {
        expect(Math.sign(compareGenerations(a, b))).toBe(0 - Math.sign(compareGenerations(b, a)));
        expect(compareGenerations(a, b) === 0).toBe(generationName(a) === generationName(b));
        expect(sameGeneration(a, b)).toBe(generationName(a) === generationName(b));
      }),
    );
  });

  test('keep that order along any chain', () => {
    fc.assert(
      fc.property(fc.array(generation, { minLength: 3, maxLength: 12 }), (list) => {
        const sorted = list.toSorted(compareGenerations);
        for (let i = 1; i < sorted.length; i++)
          for (let j = 0; j < i; j++) expect(compareGenerations(sorted[j]!, sorted[i]!)).toBeLessThanOrEqual(0);
      }),
    );
  });

  test('a new term outranks every sequence of the terms before it', () => {
    expect(compareGenerations({ term: 2, sequence: 0 }, { term: 1, sequence: 999 })).toBeGreaterThan(0);
  });

  test('none is the same as none, and as nothing else', () => {
    expect(sameGeneration(null, null)).toBe(true);
    expect(sameGeneration(null, { term: 0, sequence: 0 })).toBe(false);
  });
});

describe('a signed pointer', () => {
  let keys: Awaited<ReturnType<typeof signingPair>>;
  let other: Awaited<ReturnType<typeof signingPair>>;
  beforeAll(async () => {
    keys = await signingPair('k1');
    other = await signingPair('k1');
  });

  test('reads back as it was signed', async () => {
    expect(await verifyPointer(await signPointer(aPointer(), keys.sign), keys.find)).toEqual(aPointer());
  });

  test('has one text, so one revision, for one pointer and key', async () => {
    const [a, b] = await Promise.all([signPointer(aPointer(), keys.sign), signPointer(aPointer(), keys.sign)]);
    expect(a).toBe(b);
    expect(await revisionOf(a)).toMatch(/^[0-9a-f]{12}$/);
  });

  test.each([0, 1, 2])('is refused when part %i of it was changed', async (part) => {
    const jws = tampered(await signPointer(aPointer(), keys.sign), part);
    await expect(verifyPointer(jws, keys.find)).rejects.toThrow(UntrustedDocument);
  });

  test('is refused when its signature is written in another way, which would give it another revision', async () => {
    const jws = await signPointer(aPointer(), keys.sign);
    const last = jws.at(-1)!;
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const lenient = jws.slice(0, -1) + alphabet[alphabet.indexOf(last) + 1]!;
    expect(base64url.decode(lenient.split('.')[2]!)).toEqual(base64url.decode(jws.split('.')[2]!));
    await expect(verifyPointer(lenient, keys.find)).rejects.toThrow(UntrustedDocument);
    await expect(verifyPointer(`${jws}==`, keys.find)).rejects.toThrow(UntrustedDocument);
    await expect(verifyPointer(`${jws}\n`, keys.find)).rejects.toThrow(UntrustedDocument);
  });

  test('is refused when another key of the same id signed it', async () => {
    const jws = await signPointer(aPointer(), other.sign);
    await expect(verifyPointer(jws, keys.find)).rejects.toThrow('its signature does not verify');
  });

  test('is refused when its key is not one of those that may sign, and says which key it was', async () => {
    const jws = await signPointer(aPointer(), keys.sign);
    await expect(verifyPointer(jws, () => undefined)).rejects.toThrow('no key with the id "k1" may sign it');
  });

  test('is refused when the key signed something else than a pointer', async () => {
    const jws = await signDocument(JSON.stringify(aPointer()), 'fairlead-request+jws', keys.sign);
    await expect(verifyPointer(jws, keys.find)).rejects.toThrow('its type is not fairlead-pointer+jws');
  });

  test('is refused when it is signed by a shared secret instead of a key pair', async () => {
    const jws = await new CompactSign(new TextEncoder().encode(JSON.stringify(aPointer())))
      .setProtectedHeader({ alg: 'HS256', kid: 'k1', typ: 'fairlead-pointer+jws' })
      .sign(new TextEncoder().encode('x'.repeat(64)));
    await expect(verifyPointer(jws, keys.find)).rejects.toThrow(UntrustedDocument);
  });

  test('is refused when it is signed, but not a pointer', async () => {
    const jws = await signDocument('{"schemaVersion":1}', 'fairlead-pointer+jws', keys.sign);
    await expect(verifyPointer(jws, keys.find)).rejects.toThrow('is not a pointer of this schema version');
  });

  test('of a newer schema says so, whatever else is in it', async () => {
    const newer = JSON.stringify({ schemaVersion: SCHEMA_VERSION + 1, tables: 'of a kind yet unknown' });
    const jws = await signDocument(newer, 'fairlead-pointer+jws', keys.sign);
    await expect(verifyPointer(jws, keys.find)).rejects.toThrow(UnknownSchema);
  });

  test.each(['', 'a.b', 'a.b.c', '....', 'é.é.é'])('is refused when it is no document at all: %j', async (text) => {
    await expect(verifyPointer(text, keys.find)).rejects.toThrow(UntrustedDocument);
  });

  test('names at most as many buckets as there may be, in a power of two', async () => {
    const of = (count: number) => ({ ...aPointer().sections, models: Array<string>(count).fill('ab'.repeat(32)) });
    for (const count of [3, 8192]) {
      const jws = await signPointer({ ...aPointer(), sections: of(count) }, keys.sign);
      await expect(verifyPointer(jws, keys.find)).rejects.toThrow(UntrustedDocument);
    }
    const jws = await signPointer({ ...aPointer(), sections: of(4096) }, keys.sign);
    expect((await verifyPointer(jws, keys.find)).sections.models).toHaveLength(4096);
  });
});

function aPointer(): Pointer {
  return {
    schemaVersion: SCHEMA_VERSION,
    edge: 'https://edge.example.com',
    cluster: 'prod',
    clusterUid: 'uid-1',
    generation: { term: 1, sequence: 2 },
    replaces: { term: 1, sequence: 1 },
    issuedAt: '2026-01-01T00:00:00.000Z',
    sections: { routes: [], models: ['ab'.repeat(32)], providers: [], consumers: [], secrets: [], keys: [] },
  };
}
