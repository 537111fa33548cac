import { expect, test } from 'vitest';
import { durationMilliseconds } from '../../crds/duration.ts';

test.each([
  ['500ms', 500],
  ['30s', 30_000],
  ['1h30m', 5_400_000],
  ['1h2m3s4ms', 3_723_004],
  ['1s1s', 2000],
  ['0s', 0],
])('%s is %i milliseconds', (duration, milliseconds) => {
  expect(durationMilliseconds(duration)).toBe(milliseconds);
});

test.each(['', '30', 's', '1.5s', '-1s', '1d', '123456s', '1s1s1s1s1s', '1s '])('"%s" is no duration', (text) => {
  expect(durationMilliseconds(text)).toBeUndefined();
});
