import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { fromHex, sha256Hex, toHex } from '../../contract/encoding.ts';

test('bytes come back from hexadecimal digits as they were', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      expect(fromHex(toHex(bytes))).toEqual(bytes);
    }),
  );
});

test.each(['a', 'zz', '0x00', ' '])('what is not an even number of hexadecimal digits is an error: %j', (text) => {
  expect(() => fromHex(text)).toThrow(TypeError);
});

test('a digest of text is that of its UTF-8 bytes', async () => {
  expect(await sha256Hex('é')).toBe(await sha256Hex(new Uint8Array([0xc3, 0xa9])));
  expect(await sha256Hex('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
});
