import { describe, expect, test } from 'vitest';
import { SILENCE_MS, Watchdog } from '../../../worker/upstream/watchdog.ts';
import { countingClock } from './counting-clock.ts';

describe('a deadline', () => {
  test.each(['firstByte', 'firstEvent', 'idle'] as const)(
    'for %s expires once, when its time is over and not before',
    (phase) => {
      const { dog, clock, expired } = watched();
      dog.expect(phase, 100);
      clock.advance(99);
      expect(expired()).toEqual([]);
      clock.advance(1);
      expect(expired()).toEqual([phase]);
      clock.advance(900);
      expect(expired()).toEqual([phase]);
    },
  );

  test('begins anew with each thing that happens', () => {
    const { dog, clock, expired } = watched();
    for (let i = 0; i < 50; i++) {
      dog.expect('idle', 100);
      clock.advance(99);
    }
    expect(expired()).toEqual([]);
    clock.advance(1);
    expect(expired()).toEqual(['idle']);
  });

  test('that is shorter than the one before holds', () => {
    const { dog, clock, expired } = watched();
    dog.expect('firstByte', 500);
    dog.expect('idle', 50);
    clock.advance(50);
    expect(expired()).toEqual(['idle']);
  });

  test('that is longer than the one before holds too', () => {
    const { dog, clock, expired } = watched();
    dog.expect('firstByte', 50);
    dog.expect('idle', 500);
    clock.advance(499);
    expect(expired()).toEqual([]);
    clock.advance(1);
    expect(expired()).toEqual(['idle']);
  });

  test('stands still while the caller is slow', () => {
    const { dog, clock, expired } = watched();
    dog.expect('idle', 100);
    dog.pause();
    clock.advance(1_000);
    expect(expired()).toEqual([]);
    dog.expect('idle', 100);
    clock.advance(100);
    expect(expired()).toEqual(['idle']);
  });

  test('for everything is over for good, whatever happens in between', () => {
    const { dog, clock, expired } = watched({ totalMs: 1_000 });
    for (let i = 0; i < 30; i++) {
      dog.expect('idle', 100);
      clock.advance(50);
    }
    expect(expired()).toEqual(['total']);
    dog.expect('firstByte', 10);
    clock.advance(10_000);
    expect(expired()).toEqual(['total']);
    expect(clock.timers()).toBe(0);
  });
});

describe('silence', () => {
  test('is noticed every ten seconds', () => {
    const { dog, clock, silences } = watched();
    dog.expect('firstByte', 60_000);
    clock.advance(SILENCE_MS - 1);
    expect(silences()).toBe(0);
    clock.advance(1);
    expect(silences()).toBe(1);
    clock.advance(3 * SILENCE_MS);
    expect(silences()).toBe(4);
  });

  test('begins anew with what is sent', () => {
    const { dog, clock, silences } = watched();
    dog.expect('idle', 60_000);
    clock.advance(SILENCE_MS - 1);
    dog.sent();
    clock.advance(SILENCE_MS - 1);
    expect(silences()).toBe(0);
    clock.advance(1);
    expect(silences()).toBe(1);
  });

  test('is nothing to mind where nobody asked', () => {
    const { dog, clock, expired } = watched({ minds: false });
    dog.expect('idle', 60_000);
    clock.advance(60_000);
    expect(expired()).toEqual(['idle']);
  });
});

test('a stream of chunks costs one timer, not one for each', () => {
  const { dog, clock } = watched();
  for (let i = 0; i < 1_000; i++) {
    dog.expect('idle', 10_000);
    dog.sent();
    clock.advance(1);
  }
  expect(clock.everSet()).toBe(1);
});

test('once stopped it leaves no timer and says nothing', () => {
  const { dog, clock, expired, silences } = watched();
  dog.expect('idle', 100);
  dog.stop();
  expect(clock.timers()).toBe(0);
  dog.expect('idle', 100);
  clock.advance(100_000);
  expect([expired(), silences(), clock.timers()]).toEqual([[], 0, 0]);
});

function watched({ totalMs = 900_000, minds = true } = {}) {
  const clock = countingClock();
  const expired: string[] = [];
  let silences = 0;
  const dog = new Watchdog({
    clock,
    totalMs,
    onExpired: (phase) => expired.push(phase),
    onSilence: minds ? () => silences++ : undefined,
  });
  return { dog, clock, expired: () => expired, silences: () => silences };
}
