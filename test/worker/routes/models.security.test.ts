import { describe, expect, test } from 'vitest';
import { FakeUpstream } from '../support/fake-upstream.ts';
import { consumerEntry, modelEntry, routeEntry } from '../support/table-of-entries.ts';
import { errorOf, KEY_DIGEST, oneBackend, TestEdge } from '../support/test-edge.ts';

const upstream = new FakeUpstream();
const routes = {
  'default/main': routeEntry({ consumers: ['default'], models: { demo: 'default/demo', other: 'default/other' } }),
  'default/open': routeEntry({ authentication: 'Anonymous', models: { open: 'default/demo' } }),
  'rivals/main': routeEntry({ consumers: ['rivals'], models: { theirs: 'default/other' } }),
};
const models = { 'default/demo': modelEntry(), 'default/other': modelEntry({ modelName: 'other' }) };

async function visible(edge: TestEdge, headers: Record<string, string> = {}): Promise<string[]> {
  const { data }: { data: { id: string }[] } = await (await edge.get('/v1/models', headers)).json();
  return data.map(({ id }) => id);
}

describe('the models that are seen', () => {
  const entries = oneBackend({ routes, models });

  test("are the caller's own and those open to all, not other tenants'", async () => {
    expect(await visible(new TestEdge({ upstream, entries }))).toEqual(['demo', 'open', 'other']);
  });

  test('are only those that the consumer may use', async () => {
    const consumers = { [KEY_DIGEST]: consumerEntry({ allowedModels: ['demo'] }) };
    expect(await visible(new TestEdge({ upstream, entries: { ...entries, consumers } }))).toEqual(['demo', 'open']);
  });

  test('are only the open ones without a key that is known', async () => {
    expect(await visible(new TestEdge({ upstream, entries }), { authorization: 'Bearer wrong' })).toEqual(['open']);
  });

  test('do not include one whose most specific route is closed to the caller', async () => {
    const shadowed = {
      ...routes,
      'rivals/demo': { ...routes['rivals/main'], hostnames: ['edge.example.com'], models: { demo: 'default/demo' } },
    };
    const edge = new TestEdge({ upstream, entries: { ...entries, routes: shadowed } });
    expect(await visible(edge)).toEqual(['open', 'other']);
    expect((await edge.chat()).status).toBe(404);
  });

  test.each(['theirs', 'nobodys'])('one by one are the same: %s does not exist', async (name) => {
    const error = await errorOf(await new TestEdge({ upstream, entries }).get(`/v1/models/${name}`));
    expect(error.status).toBe(404);
    expect(error.message.replace(name, 'X')).toBe(
      'The model `X` does not exist or you do not have access to it. GET /v1/models lists those you may use.',
    );
  });
});

test.each(['/v1/models', '/v1/models/demo'])(
  '%s without a valid key is refused where every route wants one',
  async (path) => {
    const response = await new TestEdge({ upstream }).get(path, { authorization: 'Bearer wrong' });
    expect(await errorOf(response)).toMatchObject({ status: 401, code: 'invalid_api_key' });
  },
);
