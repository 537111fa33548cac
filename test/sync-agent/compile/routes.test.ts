import { describe, expect, test } from 'vitest';
import type { Resource } from '../../../crds/parse-resource.ts';
import { compile } from '../../../sync-agent/compile/compile.ts';
import { conditionOf, entriesOf, faultsOf } from '../../support/read-compilation.ts';
import {
  EDGE,
  backend,
  edgeGateway,
  edgeKeys,
  grant,
  model,
  provider,
  route,
} from '../../support/resource-builders.ts';

const KEY = 'GatewayRoute/team/route';
const compiled = (...more: Resource[]) => compile([edgeGateway(), edgeKeys(), ...more], EDGE);

const two = (a: Parameters<typeof route>[0], b: Parameters<typeof route>[0]) =>
  compiled(model(), provider(), route(a, { name: 'route', day: 2 }), route(b, { name: 'older', day: 1 }));

describe('a route in the table', () => {
  test('carries all that it says, with durations in milliseconds', () => {
    const compilation = compiled(
      model({ aliases: ['gpt-5'] }),
      provider(),
      route({
        hostnames: ['a.example.com'],
        pathPrefix: '/team',
        headers: [{ name: 'x-tier', value: 'gold' }],
        allowedConsumers: { type: 'Namespaces', namespaces: ['apps'] },
        timeouts: { firstByte: '1m30s', total: '120s500ms' },
        onClientAbort: 'Drain',
        cors: { allowOrigins: ['https://app.example.com'], maxAge: '10m' },
      }),
    );
    expect(entriesOf(compilation, 'routes')['team/route']).toEqual({
      hostnames: ['a.example.com'],
      pathPrefix: '/team',
      headers: [{ name: 'x-tier', value: 'gold' }],
      models: { chat: 'team/model', 'gpt-5': 'team/model' },
      authentication: 'Key',
      consumers: ['apps'],
      onClientAbort: 'Drain',
      timeouts: { firstByte: 90_000, total: 120_500 },
      cors: {
        allowOrigins: ['https://app.example.com'],
        allowHeaders: [],
        exposeHeaders: [],
        allowCredentials: false,
        maxAge: 600,
      },
      created: '2026-01-01T00:00:00.000Z',
    });
  });

  test.each([
    ['Same' as const, ['team']],
    ['All' as const, '*'],
  ])('admits consumers of type %s', (type, consumers) => {
    const compilation = compiled(model(), provider(), route({ allowedConsumers: { type } }));
    expect(entriesOf(compilation, 'routes')['team/route']?.consumers).toEqual(consumers);
  });
});

describe('references to models', () => {
  test('a model that does not exist is named, and the others ship', () => {
    const compilation = compiled(model(), provider(), route({ models: [{ name: 'model' }, { name: 'gone' }] }));
    expect(faultsOf(compilation, KEY)).toEqual(['ResolvedRefs=False/ModelNotFound']);
    expect(conditionOf(compilation, KEY, 'ResolvedRefs')?.message).toBe('AIModel team/gone does not exist.');
    expect(compilation.counts).toMatchObject({ routes: 1, models: 1 });
  });

  test('a route without any model that can be served is left out', () => {
    const compilation = compiled(model(), route());
    expect(compilation.counts).toMatchObject({ routes: 0, models: 0 });
    expect(faultsOf(compilation, KEY)).toEqual(['ResolvedRefs=False/ModelNotFound']);
    expect(faultsOf(compilation, 'AIModel/team/model')).toEqual(['ResolvedRefs=False/BackendNotFound']);
  });

  test('a model of another namespace needs a ReferenceGrant there', () => {
    const far = [model({}, { namespace: 'models' }), provider({}, { namespace: 'models' })];
    const to = route({ models: [{ name: 'model', namespace: 'models' }] });
    const denied = compiled(...far, to);
    expect(denied.counts.routes).toBe(0);
    expect(conditionOf(denied, KEY, 'ResolvedRefs')).toMatchObject({
      reason: 'RefNotPermitted',
      message:
        'AIModel models/model is in another namespace: a ReferenceGrant in models must allow it, from group fairlead.dev, ' +
        'kind GatewayRoute, namespace team, to group fairlead.dev, kind AIModel.',
    });
    const permitted = (granted: Resource) => compiled(...far, to, granted).counts.routes === 1;
    expect(permitted(grant(['GatewayRoute', 'team'], ['AIModel'], { namespace: 'models' }))).toBe(true);
    expect(permitted(grant(['GatewayRoute', 'team'], ['AIModel', 'model'], { namespace: 'models' }))).toBe(true);
    expect(permitted(grant(['GatewayRoute', 'team'], ['AIModel', 'other'], { namespace: 'models' }))).toBe(false);
    expect(permitted(grant(['GatewayRoute', 'other'], ['AIModel'], { namespace: 'models' }))).toBe(false);
    expect(permitted(grant(['Consumer', 'team'], ['AIModel'], { namespace: 'models' }))).toBe(false);
    expect(permitted(grant(['GatewayRoute', 'team'], ['LLMProvider'], { namespace: 'models' }))).toBe(false);
    expect(permitted(grant(['GatewayRoute', 'team'], ['AIModel'], { namespace: 'team' }))).toBe(false);
  });

  test('of two models with one name the older answers, and the route says so', () => {
    const compilation = compiled(
      provider(),
      model({}, { name: 'new', day: 2 }),
      model({ modelName: 'other', aliases: ['chat'] }, { name: 'old', day: 1 }),
      route({ models: [{ name: 'new' }, { name: 'old' }] }),
    );
    expect(entriesOf(compilation, 'routes')['team/route']?.models).toEqual({ chat: 'team/old', other: 'team/old' });
    expect(conditionOf(compilation, KEY, 'Accepted')).toMatchObject({
      reason: 'Conflicted',
      message:
        'AIModel team/new and the older AIModel team/old both answer to chat, and the older does: take one of them out of this route, or rename it.',
    });
    expect(conditionOf(compilation, 'AIModel/team/new', 'Accepted')?.message).toContain('Not published');
  });
});

describe('claims on a model name', () => {
  test('of two routes with the same match the older wins; the other ships, and is told', () => {
    const compilation = two({}, {});
    expect(compilation.counts.routes).toBe(2);
    expect(faultsOf(compilation, 'GatewayRoute/team/older')).toEqual([]);
    expect(conditionOf(compilation, KEY, 'Accepted')).toMatchObject({
      status: 'False',
      reason: 'Conflicted',
      message:
        'Requests for the model chat for every host go to GatewayRoute team/older, which is older: give this route another host, path or header, or take the model out of it.',
    });
  });

  test.each([
    ['a more specific host', { hostnames: ['a.example.com'] }, { hostnames: ['*.example.com'] }],
    ['another path', { pathPrefix: '/a' }, { pathPrefix: '/b' }],
    ['another header', { headers: [{ name: 'x-tier', value: 'gold' }] }, {}],
  ])('routes that differ by %s do not conflict', (_, a, b) => {
    expect(faultsOf(two(a, b), KEY)).toEqual([]);
  });

  test('routes of one match with different models do not conflict', () => {
    const compilation = compiled(
      provider(),
      model(),
      model({ modelName: 'code' }, { name: 'code' }),
      route(),
      route({ models: [{ name: 'code' }] }, { name: 'older' }),
    );
    expect(faultsOf(compilation, KEY)).toEqual([]);
  });

  test('one host in common, and the same headers in another order, are a conflict', () => {
    const headers = [
      { name: 'a', value: '1' },
      { name: 'b', value: '2' },
    ];
    const compilation = two(
      { hostnames: ['a.example.com', 'b.example.com'], headers },
      { hostnames: ['b.example.com', 'c.example.com'], headers: headers.toReversed() },
    );
    expect(conditionOf(compilation, KEY, 'Accepted')?.message).toContain(
      'for the host b.example.com with the same headers go to GatewayRoute team/older',
    );
  });
});

describe('models and their backends', () => {
  const KEY_OF_MODEL = 'AIModel/team/model';

  test('a backend that cannot be used is left out and named; the rest serves', () => {
    const compilation = compiled(
      route(),
      provider(),
      model({
        capabilities: ['Chat'],
        backends: [backend('provider', { weight: 3 }), backend('gone')],
        contextWindow: 8192,
      }),
    );
    expect(entriesOf(compilation, 'models')['team/model']).toEqual({
      modelName: 'chat',
      aliases: [],
      backends: [{ name: 'provider', provider: 'team/provider', model: 'chat', weight: 3, priority: 0 }],
      operations: ['chat'],
      contextWindow: 8192,
      created: '2026-01-01T00:00:00.000Z',
    });
    expect(conditionOf(compilation, KEY_OF_MODEL, 'ResolvedRefs')).toMatchObject({
      status: 'False',
      reason: 'BackendNotFound',
      message: 'Backend gone: LLMProvider team/gone does not exist.',
    });
  });

  test('a provider of another namespace needs a ReferenceGrant there', () => {
    const resources = [
      route(),
      model({ backends: [backend('provider', { namespace: 'vendors' })] }),
      provider({}, { namespace: 'vendors' }),
    ];
    expect(faultsOf(compiled(...resources), KEY_OF_MODEL)).toEqual(['ResolvedRefs=False/RefNotPermitted']);
    const granted = grant(['AIModel', 'team'], ['LLMProvider', 'provider'], { namespace: 'vendors' });
    expect(compiled(...resources, granted).counts).toMatchObject({ routes: 1, models: 1, providers: 1 });
  });

  test('what the table does not take is left out by itself, so that one resource cannot stop all publishing', () => {
    const odd = model();
    if (odd.kind !== 'AIModel') throw new Error();
    odd.spec.pricing = { inputPerMillionTokens: '-1', outputPerMillionTokens: '1' };
    const compilation = compiled(route(), odd, provider());
    expect(compilation.counts).toMatchObject({ models: 0, providers: 0 });
    expect(conditionOf(compilation, KEY_OF_MODEL, 'Accepted')).toMatchObject({
      reason: 'Invalid',
      message: 'The routing table does not take its value of pricing.inputPerMillionTokens.',
    });
  });

  test('a model whose backends all have weight 0 is not served by anyone', () => {
    const compilation = compiled(route(), provider(), model({ backends: [backend('provider', { weight: 0 })] }));
    expect(faultsOf(compilation, KEY_OF_MODEL)).toEqual(['Accepted=False/Invalid']);
    expect(compilation.counts.models).toBe(0);
  });

  test('a model and a provider that no route leads to are sound, and are not published', () => {
    const compilation = compiled(model(), provider());
    expect(compilation.counts).toMatchObject({ models: 0, providers: 0 });
    for (const key of [KEY_OF_MODEL, 'LLMProvider/team/provider'])
      expect(conditionOf(compilation, key, 'Accepted')).toMatchObject({
        status: 'True',
        message: 'Not published: no route that is published to this edge leads to it.',
      });
  });
});
