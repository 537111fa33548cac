import { expect, test } from 'vitest';
import { waitUntilServed } from '../../cli/rollback/wait-until-served.ts';
import type { HubState } from '../../contract/publish-api.ts';
import { PublishFailure } from '../../sync-agent/publish/publish-failure.ts';

const POINTER = {
  schemaVersion: 1,
  edge: 'https://e',
  cluster: 'c',
  clusterUid: 'u',
  generation: { term: 1, sequence: 1 },
  replaces: null,
  issuedAt: '2026-01-01T00:00:00Z',
  sections: { routes: [], models: [], providers: [], consumers: [], secrets: [], keys: [] },
};
const HUB = { term: 1, floor: null, reads: { schemaVersions: [1], features: [] }, refused: [], conflicts: [] };
const isolate = (revision: string) => ({ revision, count: 1, ageMs: 0 });

/** What the edge answers, one answer a question; the last one from then on. */
function waiting(...answers: readonly (readonly [held: string, ...serving: string[]] | Error)[]) {
  let now = 0;
  let asked = 0;
  const answer = (): HubState => {
    const next = answers[Math.min(asked++, answers.length - 1)] ?? new Error('no answer');
    if (next instanceof Error) throw next;
    const [held, ...serving] = next;
    return { ...HUB, current: { revision: held, jws: '', pointer: POINTER }, serving: serving.map(isolate) };
  };
  return waitUntilServed({
    state: async () => answer(),
    probe: async () => ({ cluster: 'c', revision: 'wanted', generation: null, confirmed: true }),
    isThere: ({ revision }) => revision === 'wanted',
    patienceMs: 2000,
    clock: {
      now: () => now,
      wait: async (ms) => {
        now += ms;
      },
    },
    signal: new AbortController().signal,
  });
}

test('it is served once the hub holds it and every isolate that was heard of serves it', async () => {
  expect(await waiting(['old', 'old'], ['wanted', 'old', 'wanted'], ['wanted', 'wanted', 'wanted'])).toEqual({
    type: 'Served',
    revision: 'wanted',
    isolates: 2,
    afterMs: 1000,
  });
});

test('an edge that does not answer for a while is waited for', async () => {
  const away = new PublishFailure('unreachable', 'away');
  expect(await waiting(away, ['wanted', 'wanted'])).toMatchObject({ type: 'Served', afterMs: 500 });
});

test('a key that is refused is not waited for', async () => {
  await expect(waiting(new PublishFailure('unauthorized', 'not yours'))).rejects.toThrow('not yours');
});

test('patience ends, and tells whether the hub had it', async () => {
  expect(await waiting(['old', 'old'])).toEqual({ type: 'Patience', isAdmitted: false, afterMs: 2000 });
  expect(await waiting(['wanted', 'old'])).toEqual({ type: 'Patience', isAdmitted: true, afterMs: 2000 });
});
