import { describe, expect, test } from 'vitest';
import type { ServiceSignal } from '../../../worker/upstream/service-signal.ts';
import {
  byKey,
  simulate,
  type Choose,
  type SimulatedService,
  type SimulationResult,
} from '../support/simulate-load.ts';

const EQUAL: SimulatedService = { replicas: 2, slots: 8, slowness: 1 };
const THREE_EQUAL = [EQUAL, EQUAL, EQUAL];
const ONE_SLOW = [{ ...EQUAL, slowness: 2 }, EQUAL, EQUAL];

/** Nothing is known of load. */
const blind: Choose = (key) => byKey(3)(key, undefined);
/** What herds: every isolate sends everything to whatever seemed the least loaded. */
const leastLoaded: Choose = (key, known) => {
  if (!known) return blind(key, known);
  const loads = known.map(({ load }) => (load?.waiting ?? 0) + (load?.cacheUse ?? 0));
  return loads.indexOf(Math.min(...loads));
};
const ours: Choose = byKey(3);

function over(choose: Choose, services: readonly SimulatedService[], utilisation: number): SimulationResult {
  const runs = [1, 2, 3].map((seed) => simulate({ services, utilisation, signalSeconds: 5, choose, seed }));
  const mean = (of: (result: SimulationResult) => number) => runs.reduce((sum, run) => sum + of(run) / runs.length, 0);
  return {
    meanWait: mean(({ meanWait }) => meanWait),
    p99Wait: mean(({ p99Wait }) => p99Wait),
    longestQueue: mean(({ longestQueue }) => longestQueue),
    kept: mean(({ kept }) => kept),
  };
}

describe('twenty isolates with signals that are seconds old', () => {
  test('do not herd: equal services wait less than without signals, and far less than by the least loaded', () => {
    const [without, herding, known] = [blind, leastLoaded, ours].map((choose) => over(choose, THREE_EQUAL, 0.9));
    expect(herding?.meanWait).toBeGreaterThan(without?.meanWait ?? Number.NaN);
    expect(known?.meanWait).toBeLessThan((without?.meanWait ?? Number.NaN) * 0.8);
    expect(known?.p99Wait).toBeLessThan((herding?.p99Wait ?? Number.NaN) * 0.8);
    expect(known?.longestQueue).toBeLessThan(without?.longestQueue ?? Number.NaN);
  });

  test('keep conversations, and so prompt caches, where they are while loads are about equal', () => {
    expect(over(ours, THREE_EQUAL, 0.7).kept).toBeGreaterThan(0.94);
    expect(over(ours, THREE_EQUAL, 0.9).kept).toBeGreaterThan(0.88);
  });

  test('relieve a service that is slower than its weight says', () => {
    const [without, known] = [blind, ours].map((choose) => over(choose, ONE_SLOW, 0.8));
    expect(without?.meanWait).toBeGreaterThan(10);
    expect(known?.meanWait).toBeLessThan(3);
    expect(known?.kept).toBeGreaterThan(0.8);
  });
});

describe('a conversation', () => {
  const of = (load: ServiceSignal['load'], ready = 2): ServiceSignal => ({ ready, desired: ready, cold: false, load });
  const keys = Array.from({ length: 2000 }, (_, i) => `conversation ${i}`);
  const firstOf = (known: readonly ServiceSignal[] | undefined) => keys.map((key) => ours(key, known));
  const usual = firstOf(undefined);
  /** The share of the conversations of service 0 that go elsewhere. */
  const movedFrom0 = (known: readonly ServiceSignal[]) => {
    const chosen = firstOf(known);
    const own = usual.flatMap((service, i) => (service === 0 ? [chosen[i]] : []));
    return own.filter((service) => service !== 0).length / own.length;
  };
  const idle = of({ waiting: 0, cacheUse: 0.1 });

  test.each<[string, readonly ServiceSignal[]]>([
    ['loads are equal', [of({ waiting: 40 }), of({ waiting: 40 }), of({ waiting: 40 })]],
    ['the difference is small: four waiting requests a replica', [of({ waiting: 8 }), idle, idle]],
    ['a cache is nine tenths full', [of({ waiting: 0, cacheUse: 0.9 }), idle, idle]],
    ['nothing is known of its own service', [of(undefined), idle, idle]],
    ['nothing is known of the others', [of({ waiting: 400 }), of(undefined), of(undefined)]],
    [
      'its service and the others say different things',
      [of({ waiting: 400 }), of({ cacheUse: 0 }), of({ cacheUse: 0 })],
    ],
  ])('stays where it is where %s', (_, known) => {
    expect(firstOf(known)).toEqual(usual);
  });

  test('moves from a service that is clearly more loaded: the more, the likelier, and half of them at most', () => {
    const shares = [10, 16, 28, 60, 10_000].map((waiting) => movedFrom0([of({ waiting }), idle, idle]));
    expect(shares).toEqual(shares.toSorted((a, b) => a - b));
    expect(shares[0]).toBeGreaterThan(0.05);
    expect(shares[0]).toBeLessThan(0.2);
    expect(shares.at(-1)).toBeGreaterThan(0.45);
    expect(shares.at(-1)).toBeLessThan(0.55);
  });

  test('moves from one whose cache is full, also where its server does not say what waits', () => {
    expect(movedFrom0([of({ cacheUse: 1 }), of({ cacheUse: 0.2 }), of({ cacheUse: 0.2 })])).toBeGreaterThan(0.2);
  });

  test('goes to its second choice and nowhere else, and stays there as the load grows', () => {
    const loaded = firstOf([of({ waiting: 20 }), idle, idle]);
    const more = firstOf([of({ waiting: 60 }), idle, idle]);
    const secondOf = (key: string) => ours(key, [{ ...of(undefined), ready: 0 }, idle, idle]);
    for (const [i, key] of keys.entries()) {
      if (loaded[i] === usual[i]) continue;
      expect(usual[i]).toBe(0);
      expect(loaded[i]).toBe(secondOf(key));
      expect(more[i]).toBe(loaded[i]);
    }
  });

  test('is measured against replicas: twice as many with twice as much waiting are as loaded', () => {
    expect(firstOf([of({ waiting: 80 }, 4), of({ waiting: 40 }, 2), of({ waiting: 20 }, 1)])).toEqual(usual);
  });
});
