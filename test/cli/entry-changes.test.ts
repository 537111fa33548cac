import { describe, expect, test } from 'vitest';
import type { Json } from '../../contract/canonical-json.ts';
import {
  fieldChanges,
  isOfSecrets,
  resourceChanges,
  sameButSecrets,
  type TableEntries,
} from '../../cli/edges/entry-changes.ts';

const table = (entries: Partial<Record<keyof TableEntries, Readonly<Record<string, Json>>>>): TableEntries => ({
  routes: new Map(Object.entries(entries.routes ?? {})),
  models: new Map(Object.entries(entries.models ?? {})),
  providers: new Map(Object.entries(entries.providers ?? {})),
  consumers: new Map(Object.entries(entries.consumers ?? {})),
});
const model = (weight: number): Json => ({ modelName: 'demo', backends: [{ name: 'one', weight }, { name: 'two' }] });
const key = (name: string, more: Readonly<Record<string, Json>> = {}): Json => ({
  id: 'default/app',
  key: name,
  metadata: {},
  ...more,
});
const sealed = (id: string) => ({ type: 'Sealed', id });

describe('what differs between two tables', () => {
  test('resources that came, went and changed, in the order of their names', () => {
    const before = table({ models: { 'a/gone': model(1), 'a/same': model(1), 'a/tuned': model(1) } });
    const after = table({ models: { 'a/same': model(1), 'a/tuned': model(5) }, routes: { 'a/new': {} } });
    expect(resourceChanges(before, after)).toEqual([
      { resource: 'AIModel/a/gone', how: 'removed', fields: [] },
      {
        resource: 'AIModel/a/tuned',
        how: 'changed',
        fields: [{ path: 'backends[one].weight', before: 1, after: 5 }],
      },
      { resource: 'GatewayRoute/a/new', how: 'added', fields: [] },
    ]);
  });

  test('a consumer is one resource, however many keys it has and wherever their digests put them', () => {
    const before = table({ consumers: { f00: key('first'), abc: key('second'), '0de': key('third') } });
    const after = table({ consumers: { abc: key('second'), '111': key('third'), '999': key('fourth') } });
    expect(resourceChanges(before, after)).toEqual([
      {
        resource: 'Consumer/default/app',
        how: 'changed',
        fields: [
          { path: 'keys[first]', before: { name: 'first', digest: '(a secret)' } },
          { path: 'keys[third].digest', before: '(a secret)', after: '(another secret)' },
          { path: 'keys[fourth]', after: { name: 'fourth', digest: '(a secret)' } },
        ],
      },
    ]);
  });

  test('of a secret only that it is another one, never its name', () => {
    const provider = (id: string): Json => ({
      auth: { credential: sealed(id) },
      headers: [{ name: 'x-team', ...sealed(id) }],
    });
    const changes = resourceChanges(
      table({ providers: { 'a/p': provider('id-1') } }),
      table({ providers: { 'a/p': provider('id-2') } }),
    );
    expect(changes[0]?.fields).toEqual([
      { path: 'auth.credential', before: '(a secret)', after: '(another secret)' },
      { path: 'headers[x-team]', before: { name: 'x-team', value: '(a secret)' }, after: '(another secret)' },
    ]);
    expect(JSON.stringify(changes)).not.toContain('id-');
  });

  test.each<[string, Json, Json, ReturnType<typeof fieldChanges>]>([
    ['a field that came', {}, { region: 'eu' }, [{ path: 'region', after: 'eu' }]],
    ['a field that went', { region: 'eu' }, {}, [{ path: 'region', before: 'eu' }]],
    [
      'a list of plain values as a whole',
      { a: ['x'] },
      { a: ['x', 'y'] },
      [{ path: 'a', before: ['x'], after: ['x', 'y'] }],
    ],
    [
      'a member whose name is no identifier',
      { models: { 'gpt-5': 'a/b' } },
      { models: { 'gpt-5': 'a/c' } },
      [{ path: 'models["gpt-5"]', before: 'a/b', after: 'a/c' }],
    ],
    [
      'an order',
      [{ name: 'a' }, { name: 'b' }],
      [{ name: 'b' }, { name: 'a' }],
      [{ path: '.', before: [{ name: 'a' }, { name: 'b' }], after: [{ name: 'b' }, { name: 'a' }] }],
    ],
    ['nothing', { a: { b: 1 } }, { a: { b: 1 } }, []],
  ])('%s', (_what, before, after, expected) => {
    expect(fieldChanges(before, after)).toEqual(expected);
  });

  test('that nothing but secrets is another can be told, of a field and of a whole entry', () => {
    const provider = (id: string, region: string): Json => ({ auth: { credential: sealed(id) }, region });
    const fields = fieldChanges(provider('id-1', 'eu'), provider('id-2', 'us'));
    expect(fields.map((field) => [field.path, isOfSecrets(field)])).toEqual([
      ['auth.credential', true],
      ['region', false],
    ]);
    expect(sameButSecrets(provider('id-1', 'eu'), provider('id-2', 'eu'))).toBe(true);
    expect(sameButSecrets(provider('id-1', 'eu'), provider('id-1', 'us'))).toBe(false);
  });
});
