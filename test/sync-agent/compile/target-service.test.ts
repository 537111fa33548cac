import { describe, expect, test } from 'vitest';
import type { Compilation } from '../../../sync-agent/compile/compilation.ts';
import { compile } from '../../../sync-agent/compile/compile.ts';
import type { Sighting } from '../../../sync-agent/inference/sighting.ts';
import { conditionOf, entriesOf, faultsOf } from '../../support/read-compilation.ts';
import { EDGE, edgeGateway, edgeKeys, grant, model, provider, route } from '../../support/resource-builders.ts';
import { compileSeen, inferenceService } from '../../support/service-builders.ts';

const KEY = 'GatewayRoute/team/route';
const SERVED: Sighting = { type: 'Seen', path: '/v1', models: ['meta/llama-4', 'lora-sql'] };
const gateway = [edgeGateway(), edgeKeys()];
const direct = (more: Parameters<typeof route>[0] = {}) =>
  route({ models: undefined, targetService: { name: 'llama' }, ...more });
const modelsOf = (compilation: Compilation) => entriesOf(compilation, 'routes')['team/route']?.models ?? {};

describe('a route to an inference service', () => {
  test('leads to it by the names that the edge saw there, without an AIModel', () => {
    const compilation = compileSeen([...gateway, direct(), inferenceService()], SERVED);
    const models = entriesOf(compilation, 'models');
    const [providerId] = Object.keys(entriesOf(compilation, 'providers'));
    expect(Object.keys(modelsOf(compilation)).toSorted()).toEqual(['lora-sql', 'meta/llama-4']);
    for (const [name, id] of Object.entries(modelsOf(compilation))) {
      expect(id).toMatch(/^team\/llama\.\.inferenceservice-[0-9a-f]{16}$/);
      expect(models[id]).toEqual({
        modelName: name,
        aliases: [],
        backends: [{ name: 'llama', provider: providerId, model: name, weight: 1, priority: 0 }],
        created: '2026-01-01T00:00:00.000Z',
      });
    }
    expect(faultsOf(compilation, KEY)).toEqual([]);
  });

  test('all of that belongs to the route', () => {
    const compilation = compileSeen([...gateway, direct(), inferenceService()], SERVED);
    expect(compilation.entries.get(KEY)?.map(({ section }) => section)).toEqual([
      'routes',
      'models',
      'models',
      'providers',
    ]);
    expect(compilation.counts).toEqual({ routes: 1, models: 0, providers: 0, consumers: 0 });
    expect(compilation.services.get(KEY)).toMatchObject([{ service: 'InferenceService/team/llama' }]);
  });

  test('while the service is not ready, its known names stay, without a backend', () => {
    const compilation = compile([...gateway, direct(), inferenceService({ phase: 'Unavailable' })], EDGE);
    const [id] = Object.values(modelsOf(compilation));
    expect(Object.keys(modelsOf(compilation))).toEqual(['llama']);
    expect(entriesOf(compilation, 'models')[id ?? '']?.backends).toEqual([]);
    expect(faultsOf(compilation, KEY)).toEqual(['ResolvedRefs=False/BackendNotReady']);
  });

  test('a service whose names nobody knows yet is looked at before the route ships', () => {
    const resources = [...gateway, direct(), inferenceService({ modelNames: [] })];
    const before = compile(resources, EDGE);
    expect(before.counts.routes).toBe(0);
    expect(before.sightings.size).toBe(1);
    expect(faultsOf(before, KEY)).toEqual(['ResolvedRefs=False/BackendPending']);
    expect(compileSeen(resources, SERVED).counts.routes).toBe(1);
  });

  test('leads to models beside it; of two of one name the older answers', () => {
    const both = direct({ models: [{ name: 'model' }] });
    const older = model({ modelName: 'llama' }, { day: 1 });
    const compilation = compileSeen([...gateway, both, older, provider(), inferenceService({}, { day: 2 })]);
    expect(modelsOf(compilation)).toEqual({ llama: 'team/model' });
    expect(conditionOf(compilation, KEY, 'Accepted')).toMatchObject({
      reason: 'Conflicted',
      message: expect.stringContaining(
        'InferenceService team/llama and the older AIModel team/model both answer to llama',
      ),
    });
  });

  test('claims only names that its namespace is allowed', () => {
    const allowed = [{ name: 'all', namespaces: { type: 'All' as const }, modelNames: ['meta/*'] }];
    const compilation = compileSeen([edgeGateway({ allowed }), edgeKeys(), direct(), inferenceService()], SERVED);
    expect(Object.keys(modelsOf(compilation))).toEqual(['meta/llama-4']);
    expect(faultsOf(compilation, KEY)).toEqual(['Accepted=False/NotAllowedByParent']);
  });

  test('a route that may not attach has the edge look at nothing', () => {
    const allowed = [{ name: 'none', namespaces: { type: 'Names' as const, names: ['other'] } }];
    const compilation = compile([edgeGateway({ allowed }), edgeKeys(), direct(), inferenceService()], EDGE);
    expect(compilation.sightings.size).toBe(0);
  });

  test('to a service of another namespace needs a ReferenceGrant there', () => {
    const far = direct({ targetService: { name: 'llama', namespace: 'gpus' } });
    const resources = [...gateway, far, inferenceService({}, { namespace: 'gpus' })];
    expect(faultsOf(compile(resources, EDGE), KEY)).toEqual(['ResolvedRefs=False/RefNotPermitted']);
    const allowed = grant(['GatewayRoute', 'team'], ['InferenceService'], { namespace: 'gpus' });
    expect(compileSeen([...resources, allowed]).counts.routes).toBe(1);
  });

  test('to a service that does not exist is left out', () => {
    const compilation = compile([...gateway, direct()], EDGE);
    expect(faultsOf(compilation, KEY)).toEqual(['ResolvedRefs=False/BackendNotFound']);
    expect(compilation.counts.routes).toBe(0);
  });

  test.each([
    ['the edge sees none', { type: 'Seen', path: '/v1', models: [] } as const, 'The edge sees no models at'],
    ['nobody knows one', { type: 'Unasked' } as const, 'write an AIModel, or wait'],
  ])('has no name to go by where %s, and says so', (_, seen, words) => {
    const compilation = compileSeen([...gateway, direct(), inferenceService({ modelNames: [] })], seen);
    expect(conditionOf(compilation, KEY, 'ResolvedRefs')).toMatchObject({
      reason: 'BackendUnreachable',
      message: expect.stringContaining(words),
    });
  });

  test('what is no name that a request could carry is passed over', () => {
    const compilation = compileSeen([...gateway, direct(), inferenceService()], {
      type: 'Seen',
      path: '/v1',
      models: ['a b', '', 'ok', 'x'.repeat(257)],
    });
    expect(Object.keys(modelsOf(compilation))).toEqual(['ok']);
  });
});
