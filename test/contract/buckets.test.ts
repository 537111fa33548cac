import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { bucketIndex, bucketOf, entryAddress, MAX_BUCKET_BITS } from '../../contract/buckets.ts';
import { SECTION_KINDS } from '../../contract/routing-table.ts';

const address = fc.integer({ min: 0, max: 0xffffffff });
const bits = fc.integer({ min: 0, max: MAX_BUCKET_BITS });

test('one bucket holds every address', () => {
  expect(bucketIndex(0xffffffff, 1)).toBe(0);
});

test('every address has a bucket, and buckets follow the order of addresses', () => {
  fc.assert(
    fc.property(address, address, bits, (a, b, bits) => {
      const count = 2 ** bits;
      const [low, high] = [Math.min(a, b), Math.max(a, b)];
      expect(bucketIndex(low, count)).toBeGreaterThanOrEqual(0);
      expect(bucketIndex(low, count)).toBeLessThanOrEqual(bucketIndex(high, count));
      expect(bucketIndex(high, count)).toBeLessThan(count);
    }),
  );
});

test('twice as many buckets split each in two', () => {
  fc.assert(
    fc.property(address, fc.integer({ min: 0, max: MAX_BUCKET_BITS - 1 }), (a, bits) => {
      expect(bucketIndex(a, 2 ** (bits + 1)) >> 1).toBe(bucketIndex(a, 2 ** bits));
    }),
  );
});

test('names that differ in their last letter only are spread over the buckets', () => {
  const used = new Set(
    Array.from({ length: 512 }, (_, i) => bucketIndex(entryAddress('models', `team/model-${i}`), 64)),
  );
  expect(used.size).toBe(64);
});

test('a consumer is found by the first digits of the digest of its key', () => {
  const hashes = ['a', 'b', 'c', 'd'];
  expect(['00', '40', '80', 'ff'].map((start) => bucketOf('consumers', start.repeat(32), hashes))).toEqual(hashes);
});

test('an empty section has no bucket for anything', () => {
  for (const kind of SECTION_KINDS) expect(bucketOf(kind, 'ab'.repeat(32), [])).toBeUndefined();
});

test('addresses are those that were published: another hash would hide every entry', () => {
  expect(['a/b', 'team/gpt-4o', 'default/demo', 'ns/é'].map((id) => entryAddress('models', id))).toMatchInlineSnapshot(`
    [
      2626721958,
      249111079,
      3414729511,
      3143760716,
    ]
  `);
});
