import { expect, test } from 'vitest';
import type { BackendEntry } from '../../../contract/routing-table.ts';
import { Failure } from '../../../worker/errors.ts';
import { Health } from '../../../worker/upstream/health.ts';
import { backendEntry } from '../support/table-of-entries.ts';
import { countingClock } from './counting-clock.ts';

const FAILED = new Failure('upstream_failed', 'It failed.');
const backend = placed();

test('one failure is bad luck, two in a row put a backend last for ten seconds', () => {
  const { health, clock } = observed();
  health.failed(backend, FAILED);
  expect(health.isDown(backend)).toBe(false);
  health.failed(backend, FAILED);
  expect(health.isDown(backend)).toBe(true);
  clock.advance(9_999);
  expect(health.isDown(backend)).toBe(true);
  clock.advance(1);
  expect(health.isDown(backend)).toBe(false);
});

test('a success in between makes up for it', () => {
  const { health } = observed();
  health.failed(backend, FAILED);
  health.succeeded(backend);
  health.failed(backend, FAILED);
  expect(health.isDown(backend)).toBe(false);
});

test('after its pause a single further failure suffices', () => {
  const { health, clock } = observed();
  health.failed(backend, FAILED);
  health.failed(backend, FAILED);
  clock.advance(10_000);
  health.failed(backend, FAILED);
  expect(health.isDown(backend)).toBe(true);
});

test.each([
  [3, 3_000],
  [3_600, 60_000],
])('a provider that wants %i s of peace has it at once, for %i ms', (retryAfter, ms) => {
  const { health, clock } = observed();
  health.failed(backend, new Failure('upstream_rate_limited', 'Slow down.', { retryAfter }));
  clock.advance(ms - 1);
  expect(health.isDown(backend)).toBe(true);
  clock.advance(1);
  expect(health.isDown(backend)).toBe(false);
});

test('is kept for each model at each provider of each cluster: another model of the same one is not blamed', () => {
  const { health } = observed();
  health.failed(backend, FAILED);
  health.failed(backend, FAILED);
  expect(health.isDown(placed({ model: 'other' }))).toBe(false);
  expect(health.isDown(placed({ provider: 'default/second' }))).toBe(false);
  expect(health.isDown(placed({}, 'another'))).toBe(false);
  expect(health.isDown(placed({ name: 'of another AIModel' }))).toBe(true);
});

function placed(change: Partial<BackendEntry> = {}, cluster = 'prod') {
  return { backend: backendEntry(change), home: { cluster } };
}

function observed() {
  const clock = countingClock();
  return { clock, health: new Health(clock.now) };
}
