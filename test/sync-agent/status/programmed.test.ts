import { describe, expect, test } from 'vitest';
import type { EntryRef } from '../../../sync-agent/compile/compilation.ts';
import { programmedConditions, type EdgeWord, type ProgrammedInput } from '../../../sync-agent/status/programmed.ts';
import { RevisionHistory } from '../../../sync-agent/status/revision-history.ts';
import { entryName, type TableDifference } from '../../../sync-agent/table-difference.ts';

const MODEL = 'AIModel/ai/small';
const ROUTE = 'GatewayRoute/ai/chat';
const EDGE = 'EdgeGateway/ai/edge';
const entries = new Map<string, readonly EntryRef[]>([
  [MODEL, [{ section: 'models', id: 'ai/small' }]],
  [ROUTE, [{ section: 'routes', id: 'ai/chat' }]],
]);
const conditions = new Map([MODEL, ROUTE, EDGE, 'AIModel/ai/unused'].map((key) => [key, []]));
const modelDiffers: TableDifference = new Map([
  [entryName('models', 'ai/small'), { section: 'models', id: 'ai/small', how: 'changed' }],
]);

/** The old revision differs from the new one in the model. */
function history(): RevisionHistory {
  const known = new RevisionHistory();
  known.remember('old', modelDiffers);
  known.remember('new', new Map());
  return known;
}

function word(held: string | null, probe: string | null, serving: (string | null)[]): EdgeWord {
  return {
    probe: { revision: probe, generation: null, confirmed: true },
    state: {
      current:
        held === null
          ? null
          : {
              revision: held,
              jws: '',
              pointer: {
                schemaVersion: 1,
                edge: '',
                cluster: '',
                clusterUid: '',
                generation: { term: 1, sequence: 1 },
                replaces: null,
                issuedAt: '',
                sections: { routes: [], models: [], providers: [], consumers: [], secrets: [], keys: [] },
              },
            },
      term: 1,
      serving: serving.map((revision) => ({ revision, count: 1, ageMs: 0 })),
      refused: [],
    },
  };
}

/** `status reason` by resource. */
function told(input: Partial<ProgrammedInput>): Record<string, string> {
  const found = programmedConditions({
    edge: 'ai/edge',
    compilation: { conditions, entries },
    history: history(),
    revision: 'new',
    word: undefined,
    failure: undefined,
    ...input,
  });
  return Object.fromEntries([...found].map(([key, { status, reason }]) => [key, `${status} ${reason}`]));
}

describe('Programmed', () => {
  test('is unknown before the edge has said anything', () => {
    expect(told({})).toMatchObject({ [MODEL]: 'Unknown Pending', [EDGE]: 'Unknown Pending' });
  });

  test('is NotShipped for what is compiled to nothing, whatever the edge says', () => {
    expect(told({})['AIModel/ai/unused']).toBe('False NotShipped');
    expect(told({ word: word('new', 'new', ['new']) })['AIModel/ai/unused']).toBe('False NotShipped');
  });

  test('is True for everything that ships when all are at the newest revision', () => {
    const all = told({ word: word('new', 'new', ['new', 'new']) });
    expect(all).toMatchObject({ [MODEL]: 'True Programmed', [ROUTE]: 'True Programmed', [EDGE]: 'True Programmed' });
  });

  test.each([
    ['the hub has another revision', word('old', 'new', ['new'])],
    ['the probe was answered by another revision', word('new', 'old', ['new'])],
    ['one isolate serves another revision', word('new', 'new', ['new', 'old'])],
  ])('is not True for what differs while %s', (_, said) => {
    const all = told({ word: said });
    expect(all).toMatchObject({ [MODEL]: 'False Pending', [ROUTE]: 'True Programmed', [EDGE]: 'False Pending' });
  });

  test.each([
    ['an isolate serves nothing yet', word('new', 'new', ['new', null])],
    ['the hub holds nothing', word(null, 'new', ['new'])],
    ['an isolate serves a revision that nobody knows', word('new', 'new', ['new', 'unheard'])],
  ])('is not True for anything while %s', (_, said) => {
    expect(told({ word: said })).toMatchObject({ [MODEL]: 'False Pending', [ROUTE]: 'False Pending' });
  });

  test('stays True through a failed pass for what the edge serves as it is', () => {
    const all = told({ word: word('old', 'old', ['old']), revision: undefined, failure: 'the edge is away' });
    expect(all).toMatchObject({
      [MODEL]: 'False PublishFailed',
      [ROUTE]: 'True Programmed',
      [EDGE]: 'False PublishFailed',
    });
  });

  test('forgets the oldest of many revisions, of which it then claims nothing', () => {
    const known = history();
    for (let i = 0; i < 20; i++) known.remember(`r${i}`, new Map());
    expect(known.knows('old')).toBe(false);
    expect(known.holds('old', [])).toBe(false);
  });
});
