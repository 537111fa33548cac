import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { BackendEntry } from '../../../contract/routing-table.ts';
import { orderBackends, type OrderedBackend, type Standing } from '../../../worker/pipeline/order-backends.ts';
import type { ServiceSignal } from '../../../worker/upstream/service-signal.ts';
import { backendEntry } from '../support/table-of-entries.ts';

describe('a conversation', () => {
  test('keeps its order of backends, however they are listed', () => {
    fc.assert(
      fc.property(anyBackends, fc.string(), fc.infiniteStream(fc.nat()), (backends, key, numbers) => {
        const shuffled = backends
          .map((backend) => ({ backend, at: numbers.next().value }))
          .toSorted((a, b) => a.at - b.at)
          .map(({ backend }) => backend);
        expect(names(shuffled, key)).toEqual(names(backends, key));
      }),
    );
  });

  test('moves only if its own backend is lost, and then to the one that was its second choice', () => {
    fc.assert(
      fc.property(anyBackends, fc.nat(), fc.string(), (backends, which, key) => {
        const order = names(backends, key);
        const lost = order[which % order.length];
        const left = backends.filter(({ name }) => name !== lost);
        expect(names(left, key)).toEqual(order.filter((name) => name !== lost));
      }),
    );
  });

  test('moves away only to a backend that is new, or to one that grew', () => {
    const before = pool(3);
    const grown = before.map((backend) => (backend.name === 'b1' ? { ...backend, weight: 4 } : backend));
    const added = [...before, backendEntry({ name: 'new' })];
    for (const key of keys(2_000)) {
      const [first] = names(before, key);
      expect([first, 'new']).toContain(names(added, key)[0]);
      expect([first, 'b1']).toContain(names(grown, key)[0]);
    }
  });

  test.each([
    ['their beginnings', (i: number) => `${i}${'x'.repeat(50_000)}`],
    ['their ends', (i: number) => `${'x'.repeat(50_000)}${i}`],
    ['their lengths', (i: number) => 'x'.repeat(10_000 + i)],
  ])('that is long is told from others by %s', (_, keyOf) => {
    const shares = sharesOf(
      pool(4),
      Array.from({ length: 400 }, (_, i) => keyOf(i)),
    );
    expect(Object.keys(shares)).toHaveLength(4);
    expect(Math.min(...Object.values(shares))).toBeGreaterThan(0.15);
  });
});

describe('traffic', () => {
  test.each([
    [
      [1, 1],
      [0.5, 0.5],
    ],
    [
      [3, 1],
      [0.75, 0.25],
    ],
    [
      [90, 9, 1],
      [0.9, 0.09, 0.01],
    ],
    [
      [1, 1, 1, 1, 1],
      [0.2, 0.2, 0.2, 0.2, 0.2],
    ],
    [
      [1_000_000, 1_000_000],
      [0.5, 0.5],
    ],
  ])('is shared in proportion to the weights %j', (weights, expected) => {
    const backends = weights.map((weight, i) => backendEntry({ name: `b${i}`, weight }));
    const shares = sharesOf(backends, keys(20_000));
    expected.forEach((share, i) => {
      // Four standard deviations of a binomial distribution.
      const tolerance = 4 * Math.sqrt((share * (1 - share)) / 20_000);
      expect(Math.abs((shares[`b${i}`] ?? 0) - share)).toBeLessThan(tolerance);
    });
  });

  test('of a lost backend is shared among the others by their weights', () => {
    const backends = [
      backendEntry({ name: 'lost' }),
      backendEntry({ name: 'large', weight: 3 }),
      backendEntry({ name: 'small' }),
    ];
    const moved = keys(20_000).filter((key) => names(backends, key)[0] === 'lost');
    const shares = sharesOf(backends.slice(1), moved);
    expect(shares['large']).toBeGreaterThan(0.72);
    expect(shares['large']).toBeLessThan(0.78);
  });

  test('of conversations whose names are alike is shared as well', () => {
    for (const keyOf of [(i: number) => String(i), (i: number) => `user-${i}`, (i: number) => `default/ada ${i}`]) {
      const shares = sharesOf(
        pool(2),
        Array.from({ length: 2_000 }, (_, i) => keyOf(i)),
      );
      expect(Math.abs((shares['b0'] ?? 0) - 0.5)).toBeLessThan(0.05);
    }
  });
});

describe('tiers', () => {
  const tiers = [
    backendEntry({ name: 'spare', priority: 7, weight: 1_000 }),
    backendEntry({ name: 'main-1', priority: 0 }),
    backendEntry({ name: 'main-2', priority: 0 }),
    backendEntry({ name: 'second', priority: 1 }),
  ];

  test('are tried one after the other, whatever the weights', () => {
    for (const key of keys(200)) {
      const order = names(tiers, key);
      expect(order.slice(0, 2).toSorted()).toEqual(['main-1', 'main-2']);
      expect(order.slice(2)).toEqual(['second', 'spare']);
    }
  });

  test('give way to health: what is down goes last, and is still there', () => {
    const order = names(tiers, 'k', { isDown: ({ backend }) => backend.name.startsWith('main') });
    expect(order.slice(0, 2)).toEqual(['second', 'spare']);
    expect(order.slice(2).toSorted()).toEqual(['main-1', 'main-2']);
  });
});

describe('what is not ready', () => {
  const tiers = [...pool(3), backendEntry({ name: 'spare', priority: 1 })];
  const unready = (...names: string[]): Standing<OrderedBackend> => ({
    serviceOf: ({ backend }) => (names.includes(backend.name) ? service({ ready: 0 }) : undefined),
  });

  test('goes behind the others of its tier, and stays before the next tier', () => {
    for (const key of keys(200)) {
      const order = names(tiers, key, unready('b1'));
      expect(order.slice(2)).toEqual(['b1', 'spare']);
      expect(order.slice(0, 2)).toEqual(names(tiers, key).filter((name) => name !== 'b1' && name !== 'spare'));
    }
  });

  test('keeps its order where nothing of its tier is ready', () => {
    for (const key of keys(50)) expect(names(tiers, key, unready('b0', 'b1', 'b2'))).toEqual(names(tiers, key));
  });

  test('is better than what is down', () => {
    const order = names(tiers, 'k', { ...unready('spare'), isDown: ({ backend }) => backend.name !== 'spare' });
    expect(order[0]).toBe('spare');
  });
});

describe('what starts when it is called', () => {
  const tiers = [...pool(3), backendEntry({ name: 'spare', priority: 1 })];
  const standing = (isDown?: Standing<OrderedBackend>['isDown']): Standing<OrderedBackend> => ({
    isDown,
    serviceOf: ({ backend }) => {
      if (backend.name === 'b0') return service({ ready: 0 });
      return backend.name === 'b1' ? service({ ready: 0, cold: true }) : undefined;
    },
  });

  test('goes behind what can answer at once, and before what cannot', () => {
    for (const key of keys(50)) expect(names(tiers, key, standing())).toEqual(['b2', 'b1', 'b0', 'spare']);
  });

  test('is not down', () => {
    const down = standing(({ backend }) => backend.name === 'b2' || backend.name === 'spare');
    expect(names(tiers, 'k', down).slice(0, 2)).toEqual(['b1', 'b0']);
  });
});

describe('a service that lacks replicas', () => {
  const backends = pool(2);
  const sharesWith = (service: ServiceSignal) =>
    sharesOf(backends, keys(10_000), { serviceOf: ({ backend }) => (backend.name === 'b0' ? service : undefined) });

  test.each([
    ['one of three', { ready: 1, desired: 3 }, 1 / 4],
    ['two of three', { ready: 2, desired: 3 }, 2 / 5],
    ['all of them', { ready: 3, desired: 3 }, 1 / 2],
    ['more than it wants, while it shrinks', { ready: 4, desired: 2 }, 1 / 2],
    ['some, and does not say how many it wants', { ready: 1, desired: undefined }, 1 / 2],
    ['some, and wants none', { ready: 1, desired: 0 }, 1 / 2],
  ])('has its part of the traffic: %s', (_, replicas, expected) => {
    expect(Math.abs((sharesWith(service(replicas))['b0'] ?? 0) - expected)).toBeLessThan(0.02);
  });

  test('loses only the conversations that its share has no room for', () => {
    const short: Standing<OrderedBackend> = {
      serviceOf: ({ backend }) => (backend.name === 'b0' ? service({ ready: 1, desired: 3 }) : undefined),
    };
    const ofTheOther = keys(500).filter((key) => names(backends, key)[0] === 'b1');
    expect(ofTheOther.filter((key) => names(backends, key, short)[0] !== 'b1')).toEqual([]);
  });
});

function service(change: Partial<ServiceSignal> = {}): ServiceSignal {
  return { ready: 1, desired: undefined, cold: false, load: undefined, ...change };
}

test('backends of the same name in two clusters draw each for itself', () => {
  const both = [placed(backendEntry({ name: 'main' }), 'eu'), placed(backendEntry({ name: 'main' }), 'us')];
  const first = keys(2_000).filter((key) => orderBackends(both, () => key, {})[0]?.home.cluster === 'eu');
  expect(Math.abs(first.length / 2_000 - 0.5)).toBeLessThan(0.05);
});

test('what is down moves only its own conversations, and they come back', () => {
  const backends = pool(3);
  for (const key of keys(500)) {
    const [first, second] = names(backends, key);
    expect(names(backends, key, { isDown: ({ backend }) => backend.name === 'b0' })[0]).toBe(
      first === 'b0' ? second : first,
    );
    expect(names(backends, key)[0]).toBe(first);
  }
});

describe('a service that is far more loaded gives way only to its equal', () => {
  const loaded = service({ load: { waiting: 80 } });
  const idle = service({ load: { waiting: 0 } });
  const standing = (second: ServiceSignal, more: Standing<OrderedBackend> = {}): Standing<OrderedBackend> => ({
    serviceOf: ({ backend }) => (backend.name === 'first' ? loaded : second),
    ...more,
  });
  const firstOf = (second: Partial<BackendEntry>, of: Standing<OrderedBackend>) =>
    keys(200).map(
      (key) => names([backendEntry({ name: 'first' }), backendEntry({ name: 'second', ...second })], key, of)[0],
    );

  test('which takes a part of its conversations', () => {
    const half = firstOf({ weight: 1 }, standing(loaded)).filter((name) => name === 'first').length;
    const left = firstOf({ weight: 1 }, standing(idle)).filter((name) => name === 'first').length;
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThan(half * 0.75);
  });

  test.each([
    ['of a later tier', { priority: 1 }, standing(idle)],
    ['that is down', {}, standing(idle, { isDown: ({ backend }) => backend.name === 'second' })],
    ['that only starts when it is called', {}, standing(service({ ready: 0, cold: true, load: { waiting: 0 } }))],
  ])('and not to one %s', (_, second, of) => {
    expect(new Set(firstOf(second, of))).toEqual(new Set(['first']));
  });
});

test('the key is worked out only where there is a choice', () => {
  const never = () => {
    throw new Error('it was asked');
  };
  expect(orderBackends([placed(backendEntry())], never, {})).toHaveLength(1);
  expect(orderBackends([], never, {})).toEqual([]);
});

const anyBackends = fc
  .uniqueArray(
    fc.record({
      name: fc.string({ minLength: 1, maxLength: 8 }),
      weight: fc.integer({ min: 1, max: 1_000 }),
      priority: fc.nat(2),
    }),
    {
      selector: ({ name }) => name,
      minLength: 1,
      maxLength: 8,
    },
  )
  .map((list) => list.map((change) => backendEntry(change)));

function names(backends: readonly BackendEntry[], key: string, standing: Standing<OrderedBackend> = {}): string[] {
  return orderBackends(
    backends.map((backend) => placed(backend)),
    () => key,
    standing,
  ).map(({ backend }) => backend.name);
}

function placed(backend: BackendEntry, cluster = 'prod'): OrderedBackend {
  return { backend, home: { cluster } };
}

/** The part of the keys for which each backend is the first. */
function sharesOf(
  backends: readonly BackendEntry[],
  of: readonly string[],
  standing: Standing<OrderedBackend> = {},
): Record<string, number> {
  const shares: Record<string, number> = {};
  for (const key of of) {
    const [first = ''] = names(backends, key, standing);
    shares[first] = (shares[first] ?? 0) + 1 / of.length;
  }
  return shares;
}

function pool(size: number): BackendEntry[] {
  return Array.from({ length: size }, (_, i) => backendEntry({ name: `b${i}` }));
}

/** The same at each run: what is measured here is a hash, not luck. */
function keys(count: number): string[] {
  return fc
    .sample(fc.string({ minLength: 1, maxLength: 24 }), { numRuns: count, seed: 4711 })
    .map((text, i) => `team/ada ${text}${i}`);
}
