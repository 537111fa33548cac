import { expect, test } from 'vitest';
import { secret, secretValue } from '../../crds/secret.ts';

const parsed = secret.parse({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'openai' },
  data: { encoded: 'c2stdGVzdA==', both: 'b2xk', wrapped: 'c2st\ndGVzdA==\n' },
  stringData: { clear: 'sk-gr\u00fc\u00df', both: 'new' },
});
const text = (key: string) => new TextDecoder().decode(secretValue(parsed, key));

test('a Secret gives what stands in data and in stringData, and the latter where a key stands in both', () => {
  expect(text('encoded')).toBe('sk-test');
  expect(text('wrapped')).toBe('sk-test');
  expect(text('clear')).toBe('sk-gr\u00fc\u00df');
  expect(text('both')).toBe('new');
});

test.each(['absent', 'constructor', '__proto__'])('a Secret has nothing under %s', (key) => {
  expect(secretValue(parsed, key)).toBeUndefined();
});
