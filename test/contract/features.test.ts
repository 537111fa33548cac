import { expect, test } from 'vitest';
import { unknownFeatures } from '../../contract/features.ts';
import { modelEntry, pointer, sectionSchemas } from '../../contract/routing-table.ts';
import { signalReport } from '../../contract/signals.ts';

test('an entry that requires nothing is served by every worker of its schema version', () => {
  expect(unknownFeatures({})).toEqual([]);
  expect(unknownFeatures({ requires: [] })).toEqual([]);
});

test('an entry that requires what this build does not know is told apart', () => {
  expect(unknownFeatures({ requires: ['time-travel'] })).toEqual(['time-travel']);
});

test('what an older build may overlook passes its schemas, at every level', () => {
  const model = { modelName: 'm', aliases: [], backends: [], created: 'x', later: 1 };
  expect(modelEntry.safeParse(model).success).toBe(true);
  expect(sectionSchemas.models.safeParse({ 'team/m': model }).success).toBe(true);
  const priced = { ...model, pricing: { inputPerMillionTokens: '1', outputPerMillionTokens: '2', later: '3' } };
  expect(modelEntry.safeParse(priced).success).toBe(true);
  const sections = { routes: [], models: [], providers: [], consumers: [], secrets: [], keys: [], policies: [] };
  const generation = { term: 1, sequence: 1, later: 1 };
  const known = { schemaVersion: 1, edge: 'e', cluster: 'c', clusterUid: 'u', generation, replaces: null };
  expect(pointer.safeParse({ ...known, issuedAt: 'x', sections, later: 1 }).success).toBe(true);
});

test('signals live for a minute at most', () => {
  const signals = [{ provider: 'team/gpu', ready: 0 }];
  expect(signalReport.safeParse({ ttlMs: 60_000, signals }).success).toBe(true);
  expect(signalReport.safeParse({ ttlMs: 60_001, signals }).success).toBe(false);
});
