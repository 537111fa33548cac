import { describe, expect, test } from 'vitest';
import type { Condition, EntryRef } from '../../../sync-agent/compile/compilation.ts';
import type { Hold } from '../../../sync-agent/guards/hold.ts';
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
const conditions = new Map<string, readonly Condition[]>(
  [MODEL, ROUTE, EDGE, 'AIModel/ai/unused'].map((key) => [key, []]),
);
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

function word(
  held: string | null,
  probe: string | null,
  serving: (string | null)[],
  conflicts: EdgeWord['state']['conflicts'] = [],
): EdgeWord {
  return {
    probe: { cluster: 'berlin', revision: probe, generation: null, confirmed: true },
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
      floor: null,
      reads: { schemaVersions: [1], features: [] },
      conflicts,
      serving: serving.map((revision) => ({ revision, count: 1, ageMs: 0 })),
      refused: [],
    },
  };
}

function conditionsOf(input: Partial<ProgrammedInput>) {
  return programmedConditions({
    edge: 'ai/edge',
    compilation: { conditions, entries },
    history: history(),
    revision: 'new',
    isWhole: true,
    hold: undefined,
    word: undefined,
    failure: undefined,
    ...input,
  });
}

/** `status reason` by resource. */
function told(input: Partial<ProgrammedInput>): Record<string, string> {
  const found = conditionsOf(input);
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

  test('says of what is left out whether something stands against it, or nothing leads to it', () => {
    const fault: Condition = { type: 'ResolvedRefs', status: 'False', reason: 'SecretNotFound', message: '' };
    const all = conditionsOf({
      compilation: { entries, conditions: new Map([...conditions, ['LLMProvider/ai/faulty', [fault]]]) },
    });
    expect(all.get('AIModel/ai/unused')?.message).toBe('Nothing that is published to EdgeGateway ai/edge leads to it.');
    expect(all.get('LLMProvider/ai/faulty')?.message).toContain('see its other conditions');
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
    const all = told({ word: word('old', 'old', ['old']), isWhole: false, failure: 'the edge is away' });
    expect(all).toMatchObject({
      [MODEL]: 'False PublishFailed',
      [ROUTE]: 'True Programmed',
      [EDGE]: 'False PublishFailed',
    });
  });

  describe('while something holds back what is compiled', () => {
    const hold: Hold = { reason: 'Suspended', sentence: 'EdgeGateway ai/edge is suspended' };
    const held = { revision: 'old', isWhole: false, hold };

    test('is True for what the edge serves as it is, and gives the reason for the rest', () => {
      expect(told({ ...held, word: word('old', 'old', ['old']) })).toMatchObject({
        [ROUTE]: 'True Programmed',
        [MODEL]: 'False Suspended',
        [EDGE]: 'False Suspended',
        'AIModel/ai/unused': 'False NotShipped',
      });
    });

    test('is True for everything where nothing waits', () => {
      const all = told({ revision: 'new', isWhole: true, hold, word: word('new', 'new', ['new']) });
      expect(all).toMatchObject({ [ROUTE]: 'True Programmed', [MODEL]: 'True Programmed', [EDGE]: 'True Programmed' });
    });

    test('is Pending, not held, for what the edge was left with and isolates have still to pick up', () => {
      const said = word('old', 'old', ['old', 'unheard']);
      expect(told({ ...held, word: said })).toMatchObject({ [ROUTE]: 'False Pending', [MODEL]: 'False Suspended' });
      expect(told({ ...held })).toMatchObject({ [ROUTE]: 'Unknown Pending', [MODEL]: 'False Suspended' });
    });

    test('gives the reason for all of it where the edge holds nothing', () => {
      const all = told({ revision: undefined, isWhole: false, hold });
      expect(all).toMatchObject({ [ROUTE]: 'False Suspended', [MODEL]: 'False Suspended', [EDGE]: 'False Suspended' });
    });

    test('says PublishFailed where the last pass did not even reach the edge', () => {
      expect(told({ ...held, failure: 'the edge is away' })[MODEL]).toBe('False PublishFailed');
    });

    test('leaves it to the EdgeGateway which revisions there are', () => {
      const missing: Hold = { reason: 'PinnedRevisionNotFound', sentence: 'the edge does not keep revision 0' };
      expect(told({ ...held, hold: missing, word: word('old', 'old', ['old']) })).toMatchObject({
        [MODEL]: 'False Pinned',
        [EDGE]: 'False PinnedRevisionNotFound',
      });
    });
  });

  test('is Conflicted for a served route that gives way to one of another cluster, which it names', () => {
    const conflicts = [{ route: 'ai/chat', with: { cluster: 'paris', route: 'web/chat' } }];
    const input = { word: word('new', 'new', ['new'], conflicts) };
    expect(told(input)).toMatchObject({
      [ROUTE]: 'False Conflicted',
      [MODEL]: 'True Programmed',
      [EDGE]: 'True Programmed',
    });
    expect(conditionsOf(input).get(ROUTE)?.message).toContain('Route web/chat of cluster paris');
  });

  test('forgets the oldest of many revisions, of which it then claims nothing', () => {
    const known = history();
    for (let i = 0; i < 20; i++) known.remember(`r${i}`, new Map());
    expect(known.knows('old')).toBe(false);
    expect(known.holds('old', [])).toBe(false);
  });
});
