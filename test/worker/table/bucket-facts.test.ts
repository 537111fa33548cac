import { describe, expect, test } from 'vitest';
import { canonicalJson, type Json } from '../../../contract/canonical-json.ts';
import { utf8Bytes } from '../../../contract/encoding.ts';
import type { JsonKind } from '../../../contract/routing-table.ts';
import { claimedHostnames, claimedModels, inspectBucket } from '../../../worker/table/bucket-facts.ts';
import { aConsumer, aModel, aProvider, aRoute } from './make-table.ts';

const DIGEST = 'ab'.repeat(32);
const inspect = (kind: JsonKind, entries: Json) => inspectBucket(kind, utf8Bytes(canonicalJson(entries)));

/** What an agent of a later release may write: members and values of which this build knows nothing. */
const later = { requires: ['time-travel'], newMember: { a: [1] } };

describe('a table of a later agent', () => {
  test.each<[JsonKind, Json]>([
    ['routes', { 'team/r': { ...aRoute(), newMember: 1 } }],
    ['models', { 'team/m': { ...aModel(), newMember: 1 } }],
    ['providers', { 'team/p': { ...aProvider(), newMember: 1 } }],
    ['consumers', { [DIGEST]: { ...aConsumer(), newMember: 1 } }],
    ['secrets', { [DIGEST]: { sealed: 'x', newMember: 1 } }],
  ])('may hold members of %s that this build may overlook', (kind, entries) => {
    expect(inspect(kind, entries)).toHaveProperty('facts');
  });

  test.each<[JsonKind, Json]>([
    [
      'routes',
      { 'team/r': { ...later, hostnames: [], pathPrefix: '/', headers: [], models: {}, authentication: 'Retina' } },
    ],
    ['models', { 'team/m': { ...later, modelName: 'm', aliases: [], backends: 'elsewhere' } }],
    ['providers', { 'team/p': { ...later, dialect: 'Esperanto' } }],
    ['consumers', { [DIGEST]: { ...later, id: 'team/c', key: 'k', metadata: 7 } }],
    ['secrets', { [DIGEST]: { ...later, sealedOtherwise: 'x' } }],
  ])('may hold %s of another shape, where these require what this build does not know', (kind, entries) => {
    expect(inspect(kind, entries)).toHaveProperty('facts');
  });

  test.each<[string, JsonKind, Json]>([
    [
      'claims cannot be read',
      'routes',
      { 'team/r': { ...later, hostnames: 'all', pathPrefix: '/', headers: [], models: {} } },
    ],
    ['claims cannot be read', 'models', { 'team/m': { ...later, modelName: 'm' } }],
    ['owner cannot be read', 'consumers', { [DIGEST]: { ...later, id: 'nobody', key: 'k' } }],
    ['id is none', 'providers', { 'no-namespace': { ...later } }],
    ['shape is another, and that requires nothing', 'providers', { 'team/p': { newMember: 1 } }],
    ['shape is another, and that requires an empty list', 'providers', { 'team/p': { requires: [] } }],
    ['neighbour is broken', 'models', { 'team/m': { ...later, modelName: 'm', aliases: [] }, 'team/n': {} }],
    ['kind is a list', 'models', [{ ...later }]],
  ])('is refused for an entry whose %s (%s)', (_, kind, entries) => {
    expect(inspect(kind, entries)).toHaveProperty('fault');
  });

  test('claims by such entries what it claims by any other', () => {
    const route = inspect('routes', {
      'team/r': { ...later, hostnames: ['a.example.com'], pathPrefix: '/', headers: [], models: { special: 'team/m' } },
      'team/s': aRoute(),
    });
    const model = inspect('models', { 'team/m': { ...later, modelName: 'special', aliases: ['other'] } });
    if ('fault' in route || 'fault' in model) throw new Error('expected facts');
    expect(claimedHostnames(route.facts).toSorted()).toEqual(['*', 'a.example.com']);
    expect(claimedModels(route.facts).toSorted()).toEqual(['demo', 'special']);
    expect(claimedModels(model.facts)).toEqual(['special', 'other']);
  });

  test('cannot hide a claim behind __proto__', () => {
    const text =
      '{"team/r":{"headers":[],"hostnames":[],"models":{"__proto__":"team/m"},"pathPrefix":"/","requires":["x"]}}';
    const inspection = inspectBucket('routes', utf8Bytes(text));
    if ('fault' in inspection) throw new Error(inspection.fault);
    expect(claimedModels(inspection.facts)).toEqual(['__proto__']);
    expect(inspectBucket('providers', utf8Bytes('{"__proto__":{"requires":["x"]}}'))).toHaveProperty('fault');
  });
});
