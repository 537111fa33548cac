import { describe, expect, test } from 'vitest';
import type { HeldTable } from '../../../sync-agent/plan.ts';
import { afterFailure, afterPass, afterWord, NOTHING_OBSERVED } from '../../../sync-agent/status/edge-observation.ts';
import type { EdgeWord } from '../../../sync-agent/status/programmed.ts';

const generation = (sequence: number) => ({ term: 2, sequence });

function held(revision: string, sequence: number): HeldTable {
  const sections = { routes: [], models: [], providers: [], policies: [], consumers: [], secrets: [], keys: [] };
  return {
    revision,
    kid: 'k',
    pointer: {
      schemaVersion: 1,
      edge: 'https://edge.test',
      cluster: 'berlin',
      clusterUid: 'uid',
      generation: generation(sequence),
      replaces: null,
      issuedAt: '2026-11-01T00:00:00.000Z',
      sections,
    },
  };
}

function word(...serving: [revision: string | null, count: number][]): EdgeWord {
  const [[revision] = [null]] = serving;
  return {
    probe: { cluster: 'berlin', revision, generation: null, confirmed: true },
    state: {
      // oxlint-disable-next-line typescript/no-non-null-assertion -- a test's own
      current: { revision: revision!, jws: '', pointer: held(revision!, 1).pointer },
      term: 2,
      floor: null,
      reads: { schemaVersions: [1], features: [] },
      serving: serving.map(([revision, count]) => ({ revision, count, ageMs: 1 })),
      refused: [],
      conflicts: [],
    },
  };
}

describe('what is known of an edge', () => {
  test('is what it holds, who serves it, and how long that took', () => {
    const published = afterPass(NOTHING_OBSERVED, held('aaa', 1));
    expect(published).toEqual({
      published: { revision: 'aaa', generation: generation(1), time: '2026-11-01T00:00:00.000Z' },
    });
    expect(afterWord(published, word(['aaa', 2]), 1_500, 1_000)).toEqual({
      ...published,
      isolates: [{ revision: 'aaa', count: 2 }],
      served: { revision: 'aaa', generation: generation(1) },
      propagationSeconds: 0.5,
    });
  });

  test('counts isolates of old revisions too, and goes on naming what all served last', () => {
    const served = afterWord(afterPass(NOTHING_OBSERVED, held('aaa', 1)), word(['aaa', 2]), 0, 0);
    const next = afterWord(afterPass(served, held('bbb', 2)), word(['bbb', 1], ['aaa', 1], [null, 3]), 0, 0);
    expect(next.isolates).toEqual([
      { revision: 'aaa', count: 1 },
      { revision: 'bbb', count: 1 },
    ]);
    expect(next.served).toEqual({ revision: 'aaa', generation: generation(1) });
  });

  test('has no time of propagation where the agent found it served', () => {
    const found = afterWord(afterPass(NOTHING_OBSERVED, held('aaa', 1)), word(['aaa', 2]), 1_500, undefined);
    expect(found).not.toHaveProperty('propagationSeconds');
  });

  test('has the time at which a failure began, until a pass goes well', () => {
    const failed = afterFailure(NOTHING_OBSERVED, 'away', 0);
    expect(afterFailure(failed, 'away', 60_000)).toBe(failed);
    expect(failed.lastError).toEqual({ time: '1970-01-01T00:00:00.000Z', message: 'away' });
    expect(afterPass(failed, null)).toEqual({});
  });
});
