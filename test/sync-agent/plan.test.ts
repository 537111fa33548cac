import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Pointer } from '../../contract/routing-table.ts';
import { SCHEMA_VERSION } from '../../contract/schema-version.ts';
import type { Blob } from '../../sync-agent/compile/compilation.ts';
import {
  commonSchemaVersion,
  plan,
  type DesiredTable,
  type HeldTable,
  type TableBlobs,
} from '../../sync-agent/plan.ts';

function blob(digit: string): Blob {
  return { sha256: digit.repeat(64), bytes: new Uint8Array([digit.charCodeAt(0)]) };
}

const none: TableBlobs = { routes: [], models: [], providers: [], consumers: [], secrets: [], keys: [] };

function desired(blobs: Partial<TableBlobs> = { routes: [blob('a')] }): DesiredTable {
  return {
    edge: 'https://e',
    cluster: 'c',
    clusterUid: 'u',
    kid: 'k',
    schemaVersion: SCHEMA_VERSION,
    blobs: { ...none, ...blobs },
  };
}

/** What the edge holds after the plan for that was carried out. */
function held(from: DesiredTable, pointer: Partial<Pointer> = {}, kid: string | undefined = 'k'): HeldTable {
  const planned = plan(null, from);
  if (planned.type !== 'Publish') throw new Error('nothing is held yet');
  const generation = { term: 3, sequence: 5 };
  return {
    revision: 'r',
    kid,
    pointer: { ...planned.draft, generation, issuedAt: '2026-01-01T00:00:00Z', ...pointer },
  };
}

describe('the plan', () => {
  test('where the edge holds nothing, publishes everything, replacing nothing', () => {
    const planned = plan(null, desired({ routes: [blob('a')], keys: [blob('b'), blob('c')] }));
    expect(planned).toMatchObject({
      type: 'Publish',
      draft: {
        schemaVersion: SCHEMA_VERSION,
        edge: 'https://e',
        cluster: 'c',
        clusterUid: 'u',
        replaces: null,
        sections: { routes: ['a'.repeat(64)], keys: ['b'.repeat(64), 'c'.repeat(64)], models: [] },
      },
    });
  });

  test('publishes an empty table too: an edge that holds none answers nobody', () => {
    expect(plan(null, desired({})).type).toBe('Publish');
  });

  test('where the edge holds other sections, replaces the generation that it holds', () => {
    const planned = plan(held(desired()), desired({ routes: [blob('b')] }));
    expect(planned).toMatchObject({ type: 'Publish', draft: { replaces: { term: 3, sequence: 5 } } });
  });

  test('where only the order of buckets differs, publishes: the order is part of the address of an entry', () => {
    const ordered = desired({ models: [blob('a'), blob('b')] });
    expect(plan(held(ordered), desired({ models: [blob('b'), blob('a')] })).type).toBe('Publish');
  });

  test('where the same sections stand under a generation below one that the edge has known, publishes them anew', () => {
    const planned = plan({ ...held(desired()), isBehind: true }, desired());
    expect(planned).toMatchObject({ type: 'Publish', draft: { replaces: { term: 3, sequence: 5 } } });
  });

  test.each([
    ['time of issue', { issuedAt: '2030-01-01T00:00:00Z' }],
    ['generation', { generation: { term: 9, sequence: 9 } }],
    ['replaced generation', { replaces: { term: 1, sequence: 1 } }],
  ])('where only the %s differs, does nothing', (_, pointer) => {
    expect(plan(held(desired(), pointer), desired()).type).toBe('Unchanged');
  });

  test.each([
    ['edge', { edge: 'https://other' }],
    ['cluster', { cluster: 'other' }],
    ['cluster UID', { clusterUid: 'other' }],
    ['schema version', { schemaVersion: SCHEMA_VERSION + 1 }],
  ])('where the same sections are held for another %s, publishes', (_, pointer) => {
    expect(plan(held(desired(), pointer), desired()).type).toBe('Publish');
  });

  test.each([['another key'], [undefined]])('where the same sections are signed by %s, publishes', (kid) => {
    expect(plan({ ...held(desired()), kid }, desired()).type).toBe('Publish');
  });

  test('says in what it signs which revision it goes back to, and publishes nothing for that alone', () => {
    const back = { ...desired(), rollbackOf: '0123456789ab' };
    expect(plan(null, back)).toMatchObject({ draft: { rollbackOf: '0123456789ab' } });
    expect(plan(held(desired()), back).type).toBe('Unchanged');
    expect(plan(held(back), desired()).type).toBe('Unchanged');
  });

  test('names a blob that stands in two places once', () => {
    const planned = plan(null, desired({ routes: [blob('a')], models: [blob('a')] }));
    expect(planned.type === 'Publish' && planned.blobs).toHaveLength(1);
  });

  test('carried out, leaves nothing to plan', () => {
    const list = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 4 });
    const tables = fc.record({
      routes: list,
      models: list,
      providers: list,
      consumers: list,
      secrets: list,
      keys: list,
    });
    fc.assert(
      fc.property(tables, (table) => {
        const { routes, models, providers, consumers, secrets, keys } = table;
        const wanted = desired({
          routes: routes.map(blob),
          models: models.map(blob),
          providers: providers.map(blob),
          consumers: consumers.map(blob),
          secrets: secrets.map(blob),
          keys: keys.map(blob),
        });
        expect(plan(held(wanted), wanted).type).toBe('Unchanged');
      }),
    );
  });
});

describe('the schema version that is written', () => {
  test.each([
    ['the one that all workers read', [SCHEMA_VERSION], SCHEMA_VERSION],
    ['the highest that this build knows, though the workers read a newer one', [SCHEMA_VERSION, 99], SCHEMA_VERSION],
    ['none, where the workers read only newer ones', [99], undefined],
    ['none, where the workers have none in common', [], undefined],
  ])('is %s', (_, reads, version) => {
    expect(commonSchemaVersion(reads)).toBe(version);
  });
});
