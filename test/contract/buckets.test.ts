import { expect, test } from 'vitest';
import { bucketIndex } from '../../contract/buckets.ts';

test('one bucket holds every address', () => {
  expect(bucketIndex(0xffffffff, 1)).toBe(0);
});
