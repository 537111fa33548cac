import { describe, expect, test } from 'vitest';
import { FakeUpstream } from '../support/fake-upstream.ts';
import { answers, completion } from '../support/openai-answers.ts';
import { backendEntry, consumerEntry, modelEntry, providerEntry, routeEntry } from '../support/table-of-entries.ts';
import { errorOf, KEY_DIGEST, oneBackend, TestEdge, twoBackends } from '../support/test-edge.ts';

/** What a newer agent may write, and this worker has never heard of. */
const requires = ['time-travel'];
const upstream = () =>
  new FakeUpstream().on('first.example', answers(completion())).on('second.example', answers(completion()));

describe('an entry that requires what this worker does not know', () => {
  test.each([
    ['route', { routes: { 'default/main': routeEntry({ requires }) } }],
    ['model', { models: { 'default/demo': modelEntry({ requires }) } }],
    ['consumer', { consumers: { [KEY_DIGEST]: consumerEntry({ requires }) } }],
    ['provider', { providers: { 'default/first': providerEntry({ requires }) } }],
  ])('is refused to those whom it concerns, and the operator learns what to do: %s', async (kind, change) => {
    const called = upstream();
    const edge = new TestEdge({ upstream: called, entries: oneBackend(change) });
    const response = await edge.chat();
    expect(response.headers.get('x-should-retry')).toBe('false');
    const error = await errorOf(response);
    expect(error).toMatchObject({ status: 500, type: 'server_error', code: 'unsupported_feature' });
    expect(error.message).toMatch(
      /^This gateway's worker is older than .* needs\. Its operator has to deploy a newer one/,
    );
    expect(error.message).not.toContain('default/');
    expect(called.calls).toEqual([]);
    const { 'fairlead.error.detail': detail } = await edge.record();
    expect(detail).toContain('requires time-travel, which this worker does not know');
    expect(detail).toContain(kind);
  });

  test('leaves everything else served', async () => {
    const entries = oneBackend();
    const edge = new TestEdge({
      upstream: upstream(),
      entries: {
        ...entries,
        routes: { ...entries.routes, 'default/new': routeEntry({ requires, models: { newer: 'default/newer' } }) },
        models: { ...entries.models, 'default/newer': modelEntry({ requires, modelName: 'newer' }) },
      },
    });
    expect((await edge.chat()).status).toBe(200);
    expect((await edge.chat({ model: 'newer' })).status).toBe(500);
  });

  test('is not among the models that a caller may use', async () => {
    const models = { demo: 'default/demo', newer: 'default/newer' };
    const edge = new TestEdge({
      upstream: upstream(),
      entries: oneBackend({
        routes: {
          'default/main': routeEntry({ models }),
          'default/new': routeEntry({ requires, models: { other: 'default/demo' } }),
        },
        models: { 'default/demo': modelEntry(), 'default/newer': modelEntry({ requires, modelName: 'newer' }) },
      }),
    });
    const list: { data: { id: string }[] } = await (await edge.get('/v1/models')).json();
    expect(list.data.map(({ id }) => id)).toEqual(['demo']);
    expect((await edge.get('/v1/models/newer')).status).toBe(404);
  });

  test('as a route keeps its place: no less specific one is served in its stead', async () => {
    const edge = new TestEdge({
      upstream: upstream(),
      entries: oneBackend({
        routes: { 'default/main': routeEntry(), 'default/new': routeEntry({ requires, pathPrefix: '/v1' }) },
      }),
    });
    expect((await errorOf(await edge.chat())).code).toBe('unsupported_feature');
  });

  test('as a route says nothing to a caller without a key', async () => {
    const edge = new TestEdge({
      upstream: upstream(),
      entries: oneBackend({ routes: { 'default/main': routeEntry({ requires }) } }),
    });
    expect((await errorOf(await edge.chat({}, { authorization: 'Bearer sk-unknown' }))).code).toBe('invalid_api_key');
  });

  test('as the provider of one backend among several leaves that backend out', async () => {
    const { providers } = twoBackends();
    const called = upstream();
    const entries = twoBackends({ providers: { ...providers, 'default/first': providerEntry({ requires }) } });
    const response = await new TestEdge({ upstream: called, entries }).chat();
    expect(response.headers.get('x-fairlead-backend')).toBe('second');
    expect(called.hosts).toEqual(['second.example']);
  });

  test('of which the members may have any shape is refused all the same', async () => {
    const provider = { requires, dialect: 'Telepathy', reach: { anything: true } };
    const entries = oneBackend({
      providers: { 'default/first': Object.assign(providerEntry(), provider) },
      models: { 'default/demo': modelEntry({ backends: [backendEntry()] }) },
    });
    expect((await errorOf(await new TestEdge({ upstream: upstream(), entries }).chat())).code).toBe(
      'unsupported_feature',
    );
  });
});
