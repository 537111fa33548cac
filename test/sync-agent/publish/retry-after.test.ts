import { expect, test } from 'vitest';
import { retryAfterMs } from '../../../sync-agent/publish/retry-after.ts';

const now = Date.parse('2026-11-01T00:00:00Z');

test.each([
  ['no header', null, undefined],
  ['seconds', '30', 30_000],
  ['seconds with spaces', ' 1 ', 1000],
  ['a date to come', 'Sun, 01 Nov 2026 00:00:12 GMT', 12_000],
  ['a date that has passed', 'Sat, 31 Oct 2026 23:00:00 GMT', 0],
  ['a day', '86400', 600_000],
  ['a date far away', 'Tue, 01 Dec 2026 00:00:00 GMT', 600_000],
  ['nonsense', 'soon', undefined],
  ['a negative number', '-5', undefined],
  ['nothing at all', '', undefined],
])('%s is read as such', (_, header, expected) => {
  expect(retryAfterMs(header, now)).toBe(expected);
});
