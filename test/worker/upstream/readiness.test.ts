import { describe, expect, test } from 'vitest';
import { Readiness } from '../../../worker/upstream/readiness.ts';
import { countingClock } from './counting-clock.ts';

const NAME = 'ai/llama';

function heard(signal: object = {}) {
  const clock = countingClock();
  const readiness = new Readiness(clock.now);
  readiness.take('prod', [{ provider: NAME, ready: 2, forMs: 15_000, ...signal }], clock.now());
  return { clock, readiness };
}

describe('what the hub says of a service', () => {
  test('holds for as long as it says, and then nothing is known', () => {
    const { clock, readiness } = heard({ desired: 3 });
    clock.advance(14_999);
    expect(readiness.of('prod', NAME)).toMatchObject({ ready: 2, desired: 3 });
    clock.advance(1);
    expect(readiness.of('prod', NAME)).toBeUndefined();
  });

  test('counts from when it was said, not from when it was heard', () => {
    const { clock, readiness } = heard();
    readiness.take('prod', [{ provider: NAME, ready: 1, forMs: 5000 }], clock.now() - 5000);
    expect(readiness.of('prod', NAME)).toBeUndefined();
  });

  test('of load is forgotten after ten seconds, whatever it says', () => {
    const { clock, readiness } = heard({ waiting: 3 });
    clock.advance(9999);
    expect(readiness.of('prod', NAME)?.load).toEqual({ waiting: 3 });
    clock.advance(1);
    expect(readiness.of('prod', NAME)).toEqual({ ready: 2, desired: undefined, cold: false, load: undefined });
  });

  test('is never taken for zero where it is not said', () => {
    expect(heard().readiness.of('prod', NAME)?.load).toBeUndefined();
    expect(heard({ cacheUse: 0.5 }).readiness.of('prod', NAME)?.load).toEqual({ cacheUse: 0.5 });
    expect(heard({ waiting: 0 }).readiness.of('prod', NAME)?.load).toEqual({ waiting: 0 });
  });

  test('is of one cluster', () => {
    expect(heard().readiness.of('lab', NAME)).toBeUndefined();
    expect(heard().readiness.of('prod', 'ai/other')).toBeUndefined();
  });

  test('is replaced whole by what it says next', () => {
    const { clock, readiness } = heard();
    readiness.take('prod', [], clock.now());
    expect(readiness.of('prod', NAME)).toBeUndefined();
  });
});
