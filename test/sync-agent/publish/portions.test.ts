import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { inPortions } from '../../../sync-agent/publish/portions.ts';

test('a list in portions is the same list, no portion is empty, and none exceeds a limit unless one item does', () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(50)),
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 1, max: 60 }),
      (sizes, count, bytes) => {
        const portions = [...inPortions(sizes, (size) => size, { count, bytes })];
        expect(portions.flat()).toEqual(sizes);
        for (const portion of portions) {
          expect(portion.length).toBeGreaterThan(0);
          expect(portion.length).toBeLessThanOrEqual(count);
          const sum = portion.reduce((total, size) => total + size, 0);
          expect(sum <= bytes || portion.length === 1).toBe(true);
        }
      },
    ),
  );
});
