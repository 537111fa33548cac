import { describe, expect, test } from 'vitest';
import type { Compilation } from '../../../sync-agent/compile/compilation.ts';
import { compile } from '../../../sync-agent/compile/compile.ts';
import type { InferenceService } from '../../../sync-agent/inference/inference-service.ts';
import { entriesOf, faultsOf } from '../../support/read-compilation.ts';
import { EDGE, edgeGateway, edgeKeys, model, provider, route } from '../../support/resource-builders.ts';
import { clusterNamespace, compileSeen, inferenceService } from '../../support/service-builders.ts';

const KEY = 'EdgeGateway/infra/edge';
type Gateway = NonNullable<Parameters<typeof edgeGateway>[0]>;
type Discovery = NonNullable<Gateway['discovery']>[number];
type Allowed = NonNullable<Gateway['allowed']>[number];

const labels = { publish: 'true' };
const edge = (entry: Partial<Discovery> = {}, allowed: Partial<Allowed> = {}) => [
  edgeGateway({
    allowed: [{ name: 'all', namespaces: { type: 'All' }, ...allowed }],
    discovery: [{ name: 'published', labelSelector: { matchLabels: labels }, ...entry }],
  }),
  edgeKeys(),
];
const service = (name = 'llama', namespace = 'team', day = 1): InferenceService =>
  inferenceService({}, { name, namespace, day, labels });
const publishedBy = (compilation: Compilation) =>
  Object.fromEntries(
    Object.values(entriesOf(compilation, 'routes')).flatMap((entry) =>
      Object.keys(entry.models).map((name) => [name, entry.consumers]),
    ),
  );
const LLAMA = { kind: 'InferenceService', namespace: 'team', name: 'llama', modelName: 'llama' };

describe('discovery', () => {
  test('publishes a service as a model with a route of its own, for the consumers of its namespace and of the edge', () => {
    const compilation = compileSeen([...edge(), service()]);
    const [id, entry] = Object.entries(entriesOf(compilation, 'routes'))[0]!;
    expect(id).toMatch(/^team\/llama\.\.inferenceservice-[0-9a-f]{16}$/);
    expect(entry).toMatchObject({
      hostnames: [],
      pathPrefix: '/',
      headers: [],
      models: { llama: id },
      authentication: 'Key',
      consumers: ['team', 'infra'],
    });
    expect(entriesOf(compilation, 'models')[id]?.backends).toMatchObject([{ name: 'llama', model: 'llama' }]);
    expect(compilation.discovered).toEqual([{ ...LLAMA, message: undefined }]);
    expect(compilation.services.get(KEY)).toMatchObject([{ service: 'InferenceService/team/llama' }]);
    expect(faultsOf(compilation, KEY)).toEqual([]);
  });

  test('counts as no resource that somebody wrote', () => {
    expect(compileSeen([...edge(), service()]).counts).toEqual({ routes: 0, models: 0, providers: 0, consumers: 0 });
  });

  test('passes over what has other labels, or is of another kind', () => {
    const pool = { ...service('pool'), kind: 'InferencePool' as const };
    expect(compileSeen([...edge(), inferenceService(), pool]).discovered).toEqual([]);
    expect(compileSeen([...edge({ kinds: ['InferencePool'] }), service(), pool]).discovered).toMatchObject([
      { kind: 'InferencePool', name: 'pool' },
    ]);
  });

  test('by namespaces that have certain labels', () => {
    const entry = { namespaceSelector: { matchLabels: { llm: 'yes' } } };
    const resources = [...edge(entry), service(), clusterNamespace('other', { llm: 'yes' })];
    expect(compile(resources, EDGE).discovered).toEqual([]);
    expect(compile([...resources, clusterNamespace('team', { llm: 'yes' })], EDGE).discovered).toHaveLength(1);
  });

  test('names models as the template says', () => {
    const entry = { modelNameTemplate: '{namespace}/{name}:{model}' };
    const seen = { type: 'Seen' as const, path: '/v1', models: ['base', 'lora'] };
    const compilation = compileSeen([...edge(entry), service()], seen);
    expect(compilation.discovered.map(({ modelName }) => modelName)).toEqual(['team/llama:base', 'team/llama:lora']);
    const upstream = Object.values(entriesOf(compilation, 'models')).flatMap(({ backends }) => backends);
    expect(upstream.map((one) => one.model).toSorted()).toEqual(['base', 'lora']);
    const [only, ...others] = compileSeen([...edge({ modelNameTemplate: 'gpu/{name}' }), service()], seen).discovered;
    expect(only?.modelName).toBe('gpu/llama');
    expect(others).toEqual([]);
  });

  test('of two services with one name the older is published, and the other says so', () => {
    const compilation = compileSeen([...edge(), service('a', 'team', 2), service('b', 'other', 1)]);
    expect(publishedBy(compilation)).toEqual({ llama: ['other', 'infra'] });
    expect(compilation.discovered).toEqual([
      { kind: 'InferenceService', namespace: 'other', name: 'b', modelName: 'llama', message: undefined },
      {
        kind: 'InferenceService',
        namespace: 'team',
        name: 'a',
        modelName: 'llama',
        message:
          'InferenceService other/b, which is older, has the model name llama already: rename one, or tell them apart by spec.discovery[].modelNameTemplate.',
      },
    ]);
  });

  test('what somebody wrote goes before, however young it is', () => {
    const written = [route({}, { day: 9 }), model({ modelName: 'llama' }, { day: 9 }), provider()];
    const compilation = compileSeen([...edge(), service(), ...written]);
    expect(Object.keys(entriesOf(compilation, 'routes'))).toEqual(['team/route']);
    expect(compilation.discovered[0]?.message).toBe('GatewayRoute team/route has the model name llama already.');
    expect(faultsOf(compilation, 'GatewayRoute/team/route')).toEqual([]);
  });

  test.each<[string, Partial<Allowed>, string]>([
    ['the name', { modelNames: ['gpt-*'] }, 'the namespace team the model name llama'],
    ['all hosts', { hostnames: ['team.example.com'] }, 'the namespace team all hosts'],
    ['the path', { pathPrefixes: ['/team'] }, 'the namespace team the path /'],
  ])('publishes nothing where the namespace is not allowed %s, and says so', (_, allowed, message) => {
    const compilation = compileSeen([...edge({}, allowed), service()]);
    expect(publishedBy(compilation)).toEqual({});
    expect(compilation.discovered[0]?.message).toContain(`does not allow ${message}`);
  });

  test('passes over namespaces that may not attach, unless they are selected', () => {
    const allowed: Partial<Allowed> = { namespaces: { type: 'Same' } };
    const silent = compile([...edge({}, allowed), service()], EDGE);
    expect(silent.discovered).toEqual([]);
    expect(silent.sightings.size).toBe(0);
    const entry = { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'team' } } };
    expect(compile([...edge(entry, allowed), service()], EDGE).discovered[0]?.message).toContain(
      'does not allow the namespace team to attach',
    );
  });

  test('a service that is not ready keeps its model, without a backend, and says why', () => {
    const away = inferenceService({ phase: 'Unavailable' }, { labels });
    const compilation = compile([...edge(), away], EDGE);
    expect(Object.values(entriesOf(compilation, 'models')).map(({ backends }) => backends)).toEqual([[]]);
    expect(compilation.discovered[0]?.message).toContain('InferenceService team/llama has no ready endpoint');
  });

  test('a service whose names nobody knows yet is looked at', () => {
    const nameless = inferenceService({ modelNames: [] }, { labels });
    const before = compile([...edge(), nameless], EDGE);
    expect(before.discovered).toMatchObject([
      { modelName: 'llama', message: expect.stringContaining('not looked yet') },
    ]);
    expect(publishedBy(compileSeen([...edge(), nameless]))).toEqual({ llama: ['team', 'infra'] });
  });
});
