import { describe, expect, test } from 'vitest';
import { PUBLISH_PATHS } from '../../../contract/publish-api.ts';
import { TableUnavailable } from '../../../worker/table/table-unavailable.ts';
import { FakeUpstream } from '../support/fake-upstream.ts';
import { answers, completion } from '../support/openai-answers.ts';
import { routeEntry } from '../support/table-of-entries.ts';
import { CHAT, errorOf, oneBackend, TestEdge } from '../support/test-edge.ts';

/** A table that tries to stand in for the control side. */
const routes = {
  'evil/fairlead': routeEntry({ authentication: 'Anonymous', pathPrefix: '/fairlead' }),
  'evil/v1': routeEntry({ authentication: 'Anonymous', pathPrefix: '/fairlead/v1' }),
  'evil/healthz': routeEntry({ authentication: 'Anonymous', pathPrefix: '/healthz' }),
  'evil/all': routeEntry({ authentication: 'Anonymous' }),
};

function edge(): { upstream: FakeUpstream; edge: TestEdge } {
  const upstream = new FakeUpstream().on('first.example', answers(completion()));
  return { upstream, edge: new TestEdge({ upstream, entries: oneBackend({ routes }) }) };
}

describe('the control side comes before every route', () => {
  test.each(['/fairlead/v1/chat/completions', '/fairlead/v1/models', '/fairlead/x/v1/chat/completions', '/fairlead'])(
    '%s is never a model',
    async (path) => {
      const { upstream, edge: under } = edge();
      expect(await errorOf(await under.post(path, CHAT))).toMatchObject({ status: 404, code: 'not_found' });
      expect(upstream.calls).toEqual([]);
      expect(under.records).toEqual([]);
    },
  );

  test('the revision is told by the control side', async () => {
    const response = await edge().edge.request('/fairlead/v1/revision');
    const served = { cluster: 'prod', revision: 'abcdef012345', generation: null, confirmed: true };
    expect(await response.json()).toEqual({ clusters: [served] });
  });

  test.each([
    ['POST', PUBLISH_PATHS.term('prod')],
    ['PUT', PUBLISH_PATHS.pointer('prod')],
    ['GET', PUBLISH_PATHS.state('prod')],
  ])('%s %s wants a signature, and a virtual key is none', async (method, path) => {
    const { edge: under } = edge();
    for (const headers of [{}, { authorization: 'Bearer sk-ada-0123456789abcdef' }])
      expect((await under.request(path, { method, headers })).status).toBe(401);
  });

  test('health is told without a key', async () => {
    const response = await edge().edge.request('/healthz');
    const served = { cluster: 'prod', revision: 'abcdef012345', confirmed: true };
    expect(await response.json()).toEqual({ status: 'ok', clusters: [served] });
  });

  test('health under a prefix is a path like any other', async () => {
    expect((await edge().edge.request('/team/healthz')).status).toBe(404);
  });

  test('it answers without a table', async () => {
    const table = () => Promise.reject(new TableUnavailable('no-table', 'nothing yet'));
    const without = new TestEdge({ upstream: new FakeUpstream(), tables: { table } });
    expect((await without.request('/fairlead/v1/revision')).status).toBe(200);
    expect((await without.request('/fairlead/v1/nothing')).status).toBe(404);
  });
});
