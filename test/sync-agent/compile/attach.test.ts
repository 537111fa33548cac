import { describe, expect, test } from 'vitest';
import type { Resource } from '../../../crds/parse-resource.ts';
import { compile } from '../../../sync-agent/compile/compile.ts';
import { conditionOf, entriesOf, faultsOf } from '../../support/read-compilation.ts';
import { EDGE, consumer, edgeGateway, edgeKeys, model, provider, route } from '../../support/resource-builders.ts';

const KEY = 'GatewayRoute/team/route';
const compiled = (...more: Resource[]) => compile([edgeKeys(), model(), provider(), ...more], EDGE);
const toEdge = (name: string, namespace: string) => ({ parentRefs: [{ name, namespace }] });

const allow = (...allowed: { name: string; [field: string]: unknown }[]) =>
  edgeGateway({ allowed: allowed.map((entry) => ({ namespaces: { type: 'All' as const }, ...entry })) });

describe('which edge a resource attaches to', () => {
  test('a route that names the edge is published to it, with its model and provider', () => {
    const compilation = compiled(edgeGateway(), route());
    expect(Object.keys(entriesOf(compilation, 'routes'))).toEqual(['team/route']);
    expect(compilation.counts).toEqual({ routes: 1, models: 1, providers: 1, consumers: 0 });
    expect(faultsOf(compilation, KEY)).toEqual([]);
  });

  test('a route that names another edge is no business of this one, nor are its model and provider', () => {
    const other = edgeGateway({ endpoint: 'https://other.example.com' }, { name: 'other' });
    const compilation = compiled(edgeGateway(), other, route(toEdge('other', 'infra')));
    expect([...compilation.conditions.keys()]).toEqual(['EdgeGateway/infra/edge']);
    expect(compilation.counts.routes).toBe(0);
  });

  test('a route to both edges is published to both', () => {
    const other = edgeGateway({ endpoint: 'https://other.example.com' }, { name: 'other' });
    const both = route({
      parentRefs: [
        { name: 'edge', namespace: 'infra' },
        { name: 'other', namespace: 'infra' },
      ],
    });
    for (const edge of [EDGE, 'infra/other'])
      expect(compile([edgeKeys(), edgeGateway(), other, both, model(), provider()], edge).counts.routes).toBe(1);
  });

  test('without parentRefs it is the one EdgeGateway of the namespace', () => {
    const near = [edgeGateway({}, { namespace: 'team' }), edgeKeys({}, { namespace: 'team' })];
    const resources = [...near, model(), provider(), route({ parentRefs: undefined })];
    expect(compile(resources, 'team/edge').counts.routes).toBe(1);
  });

  test('without parentRefs, and with none in the namespace, the condition says which there are', () => {
    const compilation = compiled(edgeGateway(), route({ parentRefs: undefined }));
    expect(conditionOf(compilation, KEY, 'Accepted')).toMatchObject({
      status: 'False',
      reason: 'NoMatchingParent',
      message: 'parentRefs is not set and the namespace team has no EdgeGateway: name one; there is infra/edge.',
    });
  });

  test('without parentRefs, and with several in the namespace, the condition says between which to choose', () => {
    const resources = [
      edgeGateway({}, { namespace: 'team' }),
      edgeGateway({ endpoint: 'https://b.example.com' }, { namespace: 'team', name: 'b' }),
    ];
    const compilation = compile([...resources, route({ parentRefs: undefined })], 'team/edge');
    expect(conditionOf(compilation, KEY, 'Accepted')?.message).toBe(
      'parentRefs is not set and the namespace has several EdgeGateways: name one of team/b, team/edge.',
    );
  });

  test('a misspelt EdgeGateway is reported, with the one that exists', () => {
    const compilation = compiled(edgeGateway(), route(toEdge('egde', 'infra')));
    expect(conditionOf(compilation, KEY, 'Accepted')?.message).toBe(
      'parentRefs names infra/egde, which does not exist; there is infra/edge.',
    );
  });
});

describe('what an EdgeGateway allows', () => {
  test('absent, only its own namespace may attach', () => {
    const compilation = compiled(edgeGateway({ allowed: undefined }), route(), consumer());
    expect(faultsOf(compilation, KEY)).toEqual(['Accepted=False/NotAllowedByParent']);
    expect(faultsOf(compilation, 'Consumer/team/consumer')).toEqual(['Accepted=False/NotAllowedByParent']);
    expect(compilation.counts).toMatchObject({ routes: 0, consumers: 0 });
    expect(conditionOf(compilation, KEY, 'Accepted')?.message).toBe(
      'EdgeGateway infra/edge does not allow the namespace team to attach, in its spec.allowed[].namespaces: ask its owner to, or do without.',
    );
  });

  test('namespaces are admitted by name', () => {
    const edge = allow({ name: 'team', namespaces: { type: 'Names', names: ['team'] } });
    expect(compiled(edge, route(), route({}, { namespace: 'other' })).counts.routes).toBe(1);
  });

  test.each([
    ['a host that is listed', { hostnames: ['a.example.com'] }, { hostnames: ['a.example.com'] }, true],
    ['a host under a listed wildcard', { hostnames: ['*.example.com'] }, { hostnames: ['a.b.example.com'] }, true],
    ['a wildcard under a listed wildcard', { hostnames: ['*.example.com'] }, { hostnames: ['*.b.example.com'] }, true],
    [
      'a wildcard wider than the listed one',
      { hostnames: ['*.b.example.com'] },
      { hostnames: ['*.example.com'] },
      false,
    ],
    ['another host', { hostnames: ['a.example.com'] }, { hostnames: ['a.example.com', 'b.example.com'] }, false],
    ['every host, where some are listed', { hostnames: ['a.example.com'] }, {}, false],
    ['every host, where * is listed', { hostnames: ['*'] }, {}, true],
    ['a path below a listed one', { pathPrefixes: ['/a'] }, { pathPrefix: '/a/b' }, true],
    ['a path that only begins like a listed one', { pathPrefixes: ['/a'] }, { pathPrefix: '/ab' }, false],
    ['no authentication', {}, { authentication: { type: 'Anonymous' as const } }, false],
    [
      'no authentication, where that is allowed',
      { anonymous: true },
      { authentication: { type: 'Anonymous' as const } },
      true,
    ],
    ['a model that is listed', { modelNames: ['ch*'] }, {}, true],
    ['a model that is not listed', { modelNames: ['code'] }, {}, false],
  ])('a route that claims %s', (_, allowed, spec, ships) => {
    const compilation = compiled(allow({ name: 'it', ...allowed }), route(spec));
    expect(compilation.counts.routes).toBe(ships ? 1 : 0);
    expect(faultsOf(compilation, KEY)).toEqual(ships ? [] : ['Accepted=False/NotAllowedByParent']);
  });

  test('rights of two entries do not add up', () => {
    const edge = allow(
      { name: 'host', hostnames: ['a.example.com'], modelNames: ['x'] },
      { name: 'model', hostnames: ['b.example.com'] },
    );
    expect(compiled(edge, route({ hostnames: ['b.example.com'] })).counts.routes).toBe(1);
    expect(compiled(edge, route({ hostnames: ['a.example.com'] })).counts.routes).toBe(0);
    expect(compiled(edge, route({ hostnames: ['a.example.com', 'b.example.com'] })).counts.routes).toBe(0);
  });

  test('of several names of a model, those that are not allowed are left out by themselves', () => {
    const compilation = compiled(allow({ name: 'it', modelNames: ['chat'] }), model({ aliases: ['gpt-5'] }), route());
    expect(entriesOf(compilation, 'routes')['team/route']?.models).toEqual({ chat: 'team/model' });
    expect(conditionOf(compilation, KEY, 'Accepted')?.message).toContain(
      'does not allow this route the model name gpt-5',
    );
  });
});
