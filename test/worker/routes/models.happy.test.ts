import { describe, expect, test } from 'vitest';
import { FakeUpstream } from '../support/fake-upstream.ts';
import { modelEntry, routeEntry } from '../support/table-of-entries.ts';
import { errorOf, oneBackend, TestEdge } from '../support/test-edge.ts';

const upstream = new FakeUpstream();
const entries = oneBackend({
  routes: {
    'default/main': routeEntry({
      models: { demo: 'default/demo', 'org/large': 'default/large', big: 'default/large' },
    }),
  },
  models: {
    'default/demo': modelEntry({ created: '2026-01-01T00:00:00Z' }),
    'default/large': modelEntry({
      modelName: 'org/large',
      aliases: ['big'],
      contextWindow: 128_000,
      maxOutputTokens: 16_000,
    }),
  },
});
const demo = { id: 'demo', object: 'model', created: 1_767_225_600, owned_by: 'fairlead' };
const large = { ...demo, id: 'org/large', context_window: 128_000, max_output_tokens: 16_000 };

describe('GET /v1/models', () => {
  test('lists what this caller may use, aliases too, by name', async () => {
    const edge = new TestEdge({ upstream, entries });
    const response = await edge.get('/v1/models');
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ object: 'list', data: [{ ...large, id: 'big' }, demo, large] });
    expect(response.headers.get('x-fairlead-revision')).toBe('abcdef012345');
    expect(await edge.record()).toMatchObject({ 'fairlead.outcome': 'completed', 'fairlead.consumer': 'default/ada' });
  });

  test('lists what is there at this place', async () => {
    const routes = {
      'default/a': routeEntry({ pathPrefix: '/a', models: { demo: 'default/demo' } }),
      'default/b': routeEntry({ hostnames: ['b.example.com'], models: { big: 'default/large' } }),
      'default/c': routeEntry({ headers: [{ name: 'x-stage', value: 'c' }], models: { canary: 'default/demo' } }),
    };
    const edge = new TestEdge({ upstream, entries: { ...entries, routes } });
    const names = async (url: string, headers = {}) => {
      const { data }: { data: { id: string }[] } = await (await edge.get(url, headers)).json();
      return data.map(({ id }) => id);
    };
    expect(await names('/v1/models')).toEqual([]);
    expect(await names('/a/v1/models')).toEqual(['demo']);
    expect(await names('https://b.example.com/a/v1/models')).toEqual(['big', 'demo']);
    expect(await names('/v1/models', { 'x-stage': 'c' })).toEqual(['canary']);
  });

  test('answers HEAD with the headers alone', async () => {
    const response = await new TestEdge({ upstream, entries }).request('/v1/models', {
      method: 'HEAD',
      headers: { 'x-api-key': 'sk-ada-0123456789abcdef' },
    });
    expect(response.status).toBe(200);
    expect(await response.text()).toBe('');
  });
});

describe('GET /v1/models/{id}', () => {
  test.each([
    ['/v1/models/demo', demo],
    ['/v1/models/org/large', large],
    ['/v1/models/org%2Flarge', large],
  ])('%s describes one', async (path, model) => {
    const response = await new TestEdge({ upstream, entries }).get(path);
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual(model);
  });

  test('under the path prefix of its route, too', async () => {
    const routes = { 'default/a': routeEntry({ pathPrefix: '/a', models: { 'v1/models/x': 'default/demo' } }) };
    const edge = new TestEdge({ upstream, entries: { ...entries, routes } });
    expect(await (await edge.get('/a/v1/models/v1/models/x')).json()).toMatchObject({ id: 'v1/models/x' });
  });

  test('says of one that does not exist where to look: 404', async () => {
    const error = await errorOf(await new TestEdge({ upstream, entries }).get('/v1/models/nope'));
    expect(error).toMatchObject({ status: 404, code: 'model_not_found', param: 'model' });
    expect(error.message).toContain('GET /v1/models lists');
  });
});
