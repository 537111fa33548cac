import { expect, it } from 'vitest';
import { childName } from '../../../sync-agent/inference/child-name.ts';

it('names the child of an object as Knative does, whose names fit into 63 characters', () => {
  expect(childName('foo', '-private')).toBe('foo-private');
  expect(childName('f'.repeat(55), '-private')).toBe(`${'f'.repeat(55)}-private`);
  expect(childName('f'.repeat(63), '-private')).toBe('fffffffffffffffffffffff105d7597f637e83cc711605ac3ea4957-private');
});
