import { describe, expect, test } from 'vitest';
import { chooseRevision } from '../../cli/rollback/choose-revision.ts';
import { returningKeys } from '../../cli/rollback/returning-keys.ts';
import type { ClusterHistory } from '../../contract/publish-api.ts';

type Kept = ClusterHistory['revisions'][number];

const HASH = 'a'.repeat(64);
function kept(revision: string, models: string, more: Partial<Kept['pointer']> = {}): Kept {
  const sections = { routes: [], models: [models], providers: [], consumers: [], secrets: [], keys: [] };
  return {
    revision,
    jws: '',
    admittedAt: '2026-01-01T00:00:00Z',
    pointer: {
      schemaVersion: 1,
      edge: 'https://e',
      cluster: 'c',
      clusterUid: 'u',
      generation: { term: 1, sequence: 1 },
      replaces: null,
      issuedAt: '2026-01-01T00:00:00Z',
      sections,
      ...more,
    },
  };
}

describe('the revision to go back to', () => {
  test('is the one before, where none is named', () => {
    expect(chooseRevision([kept('ccc', 'new'), kept('bbb', 'old'), kept('aaa', 'older')], undefined).revision).toBe(
      'bbb',
    );
  });

  test('is one with other resources: a rotation of keys is nothing to go back from', () => {
    const sections = { ...kept('', 'new').pointer.sections, secrets: [HASH] };
    const rotated = kept('ddd', 'new', { sections });
    expect(chooseRevision([rotated, kept('ccc', 'new'), kept('bbb', 'old')], undefined).revision).toBe('bbb');
  });

  test('may be named by its beginning', () => {
    expect(chooseRevision([kept('cc1', 'x'), kept('bb1', 'y'), kept('bb2', 'z')], 'bb2').revision).toBe('bb2');
  });

  test.each<[string, Kept[], string | undefined, string]>([
    ['an edge that keeps none', [], undefined, 'keeps no revision of this cluster'],
    ['an edge that keeps one', [kept('aaa', 'x')], undefined, 'there is nothing to go back to'],
    ['a name that is not kept', [kept('aaa', 'x'), kept('bbb', 'y')], 'fff', 'it keeps aaa, bbb'],
    [
      'a beginning of several',
      [kept('cc1', 'x'), kept('bb1', 'y'), kept('bb2', 'z')],
      'bb',
      'several revisions begin with bb',
    ],
    ['the current one', [kept('aaa', 'x'), kept('bbb', 'y')], 'aaa', 'is what the edge holds'],
    [
      'a second step back without a name',
      [kept('ccc', 'x', { rollbackOf: 'aaa' }), kept('bbb', 'y'), kept('aaa', 'x')],
      undefined,
      'the edge has gone back to aaa already: name the revision to go to (bbb, aaa)',
    ],
  ])('%s is refused with what there is', (_what, revisions, asked, message) => {
    expect(() => chooseRevision(revisions, asked)).toThrow(message);
  });
});

test('keys that come back with a rollback are named: of consumers that went, and of those that lost some', () => {
  expect(
    returningKeys([
      { resource: 'AIModel/a/b', how: 'added', fields: [] },
      { resource: 'Consumer/a/gone-since', how: 'added', fields: [] },
      { resource: 'Consumer/a/came-since', how: 'removed', fields: [] },
      {
        resource: 'Consumer/a/rotated',
        how: 'changed',
        fields: [
          { path: 'keys[revoked]', after: {} },
          { path: 'keys[replaced].digest', before: '(a secret)', after: '(another secret)' },
          { path: 'keys[new]', before: {} },
          { path: 'team', before: 'x', after: 'y' },
        ],
      },
    ]),
  ).toEqual([
    'Consumer/a/gone-since (all its keys)',
    'Consumer/a/rotated (key revoked)',
    'Consumer/a/rotated (key replaced)',
  ]);
});
