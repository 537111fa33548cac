import { describe, expect, test } from 'vitest';
import { IsolateRegistry } from '../../../worker/table/isolate-registry.ts';
import { DAILY_POLLS, nextPollMs, staleAfterMs } from '../../../worker/table/next-poll.ts';
import { BLOB_GRACE_MS, collect } from '../../../worker/table/retention.ts';
import { question } from './test-hub.ts';

describe('when an isolate is to ask again', () => {
  test('on one machine at once, in effect', () => {
    expect(nextPollMs({ local: true, isolates: 1_000, random: 0.9 })).toBe(500);
  });

  test.each([
    [1, 2_000],
    [2, 2_880],
    [10, 14_400],
    [1_000, 30_000],
  ])('with %i isolates after %i ms', (isolates, ms) => {
    expect(nextPollMs({ local: false, isolates, random: 0.5 })).toBe(ms);
  });

  test('so that together they stay within the calls of a day, up to twenty of them', () => {
    for (let isolates = 1; isolates <= 20; isolates++)
      expect((isolates * 86_400_000) / nextPollMs({ local: false, isolates, random: 0.5 })).toBeLessThanOrEqual(
        DAILY_POLLS + 1,
      );
  });

  test('spread by a tenth, so that isolates that began together part', () => {
    const times = [0, 1].map((random) => nextPollMs({ local: false, isolates: 10, random }));
    expect(times).toEqual([12_960, 15_840]);
  });

  test('and it counts as stale after twice that time', () => {
    expect(staleAfterMs(2_000)).toBe(4_000);
  });
});

describe('the isolates that the hub has heard of', () => {
  const one = (isolate: string, serving: Readonly<Record<string, string | null>>) => question(serving, { isolate });

  test('are counted by revision, with the time since the latest of them spoke', () => {
    const registry = new IsolateRegistry();
    registry.hear(one('a', { prod: 'r1' }), 1_000, 5_000);
    registry.hear(one('b', { prod: 'r1' }), 2_000, 5_000);
    registry.hear(one('c', { prod: 'r2' }), 3_000, 5_000);
    expect(registry.summary('prod', 4_000).serving).toEqual([
      { revision: 'r1', count: 2, ageMs: 2_000 },
      { revision: 'r2', count: 1, ageMs: 1_000 },
    ]);
  });

  test('count once, however many clusters they serve, and for each of these', () => {
    const registry = new IsolateRegistry();
    registry.hear(one('a', { prod: 'r1', lab: 'r9' }), 1_000, 5_000);
    registry.hear(one('b', { prod: 'r1', lab: null }), 1_000, 5_000);
    expect(registry.countWith('a', 1_000)).toBe(2);
    expect(registry.summary('prod', 1_000).serving).toEqual([{ revision: 'r1', count: 2, ageMs: 0 }]);
    expect(registry.summary('lab', 1_000).serving).toEqual([
      { revision: 'r9', count: 1, ageMs: 0 },
      { revision: null, count: 1, ageMs: 0 },
    ]);
    expect(registry.summary('unheard-of', 1_000).serving).toEqual([]);
  });

  test('count once, for what they said last', () => {
    const registry = new IsolateRegistry();
    const refused = { revision: 'r2', reason: 'no' };
    registry.hear({ ...one('a', {}), clusters: { prod: { serving: null, refused } } }, 1_000, 5_000);
    registry.hear(one('a', { prod: 'r2' }), 1_100, 5_000);
    expect(registry.summary('prod', 1_100)).toEqual({
      serving: [{ revision: 'r2', count: 1, ageMs: 0 }],
      refused: [],
    });
  });

  test('are forgotten at their staleness bound, from when on they ask before they serve', () => {
    const registry = new IsolateRegistry();
    registry.hear(one('a', { prod: 'r1' }), 1_000, 5_000);
    expect(registry.countWith('b', 6_000)).toBe(2);
    expect(registry.countWith('b', 6_001)).toBe(1);
    expect(registry.summary('prod', 6_001).serving).toEqual([]);
  });

  test('say what they refused and why', () => {
    const registry = new IsolateRegistry();
    const refused = { revision: 'r2', reason: 'its signature does not verify' };
    for (const isolate of ['a', 'b'])
      registry.hear({ ...one(isolate, {}), clusters: { prod: { serving: null, refused } } }, 1_000, 5_000);
    expect(registry.summary('prod', 1_000).refused).toEqual([{ ...refused, count: 2 }]);
  });

  test('bound what agents may write to what all of them understand, for as long as they are heard of', () => {
    const registry = new IsolateRegistry();
    const own = { schemaVersions: [1, 2], features: ['a', 'b'] };
    expect(registry.reads(own, 1_000)).toEqual(own);
    registry.hear({ ...one('new', {}), knownSchemaVersions: [1, 2, 3], knownFeatures: ['a', 'b', 'c'] }, 1_000, 5_000);
    expect(registry.reads(own, 1_000)).toEqual(own);
    registry.hear({ ...one('old', {}), knownSchemaVersions: [1], knownFeatures: ['b'] }, 1_000, 2_000);
    expect(registry.reads(own, 3_000)).toEqual({ schemaVersions: [1], features: ['b'] });
    expect(registry.reads(own, 3_001)).toEqual(own);
  });
});

describe('collection', () => {
  const DAY = BLOB_GRACE_MS;

  test('takes what no kept pointer names and nobody has needed for a day', () => {
    const blobs = [
      { sha256: 'old', neededAt: 0 },
      { sha256: 'old but named', neededAt: 0 },
      { sha256: 'young', neededAt: DAY },
    ];
    expect(collect(blobs, new Set(['old but named']), DAY)).toEqual({ expired: ['old'], next: 2 * DAY });
  });

  test('has nothing to come back for where everything is named', () => {
    expect(collect([{ sha256: 'a', neededAt: 0 }], new Set(['a']), 10 * DAY)).toEqual({ expired: [], next: null });
  });
});
