import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { fromHex } from '../../contract/encoding.ts';
import { decodeKeyIndex, encodeKeyIndex, keyIndexFault, keyIndexHas } from '../../contract/key-index.ts';

const hexDigit = fc.constantFrom(...Array.from('0123456789abcdef'));
const digest = fc.string({ unit: hexDigit, minLength: 64, maxLength: 64 });

test('a key is found exactly where its digest was put in', () => {
  fc.assert(
    fc.property(fc.array(digest, { maxLength: 60 }), fc.array(digest, { maxLength: 20 }), (there, asked) => {
      const index = encodeKeyIndex(there);
      for (const one of there) expect(keyIndexHas(index, fromHex(one))).toBe(true);
      const prefixes = new Set(there.map((one) => one.slice(0, 32)));
      for (const one of asked) expect(keyIndexHas(index, fromHex(one))).toBe(prefixes.has(one.slice(0, 32)));
    }),
  );
});

const near = (byte: string) => `${'ab'.repeat(15)}${byte}${'00'.repeat(16)}`;

test('digests that differ only in the sixteenth byte are told apart', () => {
  const index = encodeKeyIndex([near('01'), near('03')]);
  expect(['00', '01', '02', '03', '04'].map((byte) => keyIndexHas(index, fromHex(near(byte))))).toEqual([
    false,
    true,
    false,
    true,
    false,
  ]);
});

test('what is encoded is a sound index, gives its digests back, and does not depend on their order', () => {
  fc.assert(
    fc.property(fc.array(digest, { maxLength: 60 }), (digests) => {
      const index = encodeKeyIndex(digests);
      expect(keyIndexFault(index)).toBeUndefined();
      expect(decodeKeyIndex(index)).toEqual([...new Set(digests.map((one) => one.slice(0, 32)))].toSorted());
      expect(encodeKeyIndex(digests.toReversed())).toEqual(index);
      expect(encodeKeyIndex([...digests, ...digests])).toEqual(index);
    }),
  );
});

test('an index of no keys knows none', () => {
  expect(keyIndexHas(encodeKeyIndex([]), new Uint8Array(32))).toBe(false);
});

test.each([
  ['does not begin with FLK1', new Uint8Array()],
  ['does not begin with FLK1', new TextEncoder().encode('FLK2')],
  ['is cut short', encodeKeyIndex(['ab'.repeat(32)]).slice(0, -1)],
  ['is not sorted', new Uint8Array([...encodeKeyIndex(['ff'.repeat(32)]), ...new Uint8Array(16)])],
  ['is not sorted', new Uint8Array([...encodeKeyIndex(['00'.repeat(32)]), ...new Uint8Array(16)])],
])('bytes that are not an index are named: it %s', (fault, bytes) => {
  expect(keyIndexFault(bytes)).toBe(fault);
});
