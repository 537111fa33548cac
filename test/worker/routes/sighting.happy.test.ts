import { expect, test } from 'vitest';
import { FakeUpstream } from '../support/fake-upstream.ts';
import { ACCESS_SECRET, questionOf, questionWithSecret, sealingKeys, seen } from '../support/ask-sighting.ts';
import { TestEdge, UPSTREAM_KEY } from '../support/test-edge.ts';

const LIST = {
  object: 'list',
  data: [
    { id: 'llama', object: 'model' },
    { id: 'llama-sql', parent: 'llama' },
  ],
};

function listedUnder(path: string): FakeUpstream {
  return new FakeUpstream().on('llama.example', ({ url }) =>
    new URL(url).pathname === `${path}/models` ? Response.json(LIST) : new Response('Not Found', { status: 404 }),
  );
}

test('the models that a service lists are seen, adapters among them', async () => {
  const upstream = listedUnder('/openai/v1');
  const edge = new TestEdge({ upstream });
  expect(await seen(edge, questionOf())).toEqual({ type: 'Seen', path: '/openai/v1', models: ['llama', 'llama-sql'] });
  expect(upstream.call).toMatchObject({ url: 'https://llama.example/openai/v1/models', method: 'GET' });
});

test('the first path that lists models counts', async () => {
  const upstream = listedUnder('/v1');
  expect(await seen(new TestEdge({ upstream }), questionOf())).toMatchObject({ type: 'Seen', path: '/v1' });
  expect(upstream.calls.map(({ url }) => new URL(url).pathname)).toEqual(['/openai/v1/models', '/v1/models']);
});

test("a path that speaks KServe's V1 protocol only is passed over for one that speaks OpenAI's", async () => {
  const upstream = new FakeUpstream().on('llama.example', ({ url }) =>
    Response.json(new URL(url).pathname === '/v1/models' ? { models: ['llama'] } : LIST),
  );
  const question = questionOf({}, { paths: ['/v1', '/openai/v1'] });
  expect(await seen(new TestEdge({ upstream }), question)).toMatchObject({ type: 'Seen', path: '/openai/v1' });
});

test('a base URL that is complete is asked as it is', async () => {
  const upstream = listedUnder('/team/v1');
  const question = questionOf({ baseURL: 'https://llama.example/team/v1' }, { paths: [''] });
  expect(await seen(new TestEdge({ upstream }), question)).toMatchObject({ type: 'Seen', path: '' });
});

test('the connection is that of requests: its key, its headers, the sealed ones too', async () => {
  const upstream = listedUnder('/openai/v1');
  const edge = new TestEdge({ upstream, credentials: sealingKeys });
  const question = await questionWithSecret();
  const entry = { ...question.entry, auth: { credential: { type: 'WorkerSecret', name: 'FIRST_KEY' } as const } };
  expect(await seen(edge, { ...question, entry })).toMatchObject({ type: 'Seen' });
  const { headers, redirect } = upstream.call;
  expect(headers.get('authorization')).toBe(`Bearer ${UPSTREAM_KEY}`);
  expect(headers.get('cf-access-client-id')).toBe('abc.access');
  expect(headers.get('cf-access-client-secret')).toBe(ACCESS_SECRET);
  expect(redirect).toBe('manual');
});

test("a binding's own fetch is called, with the host that the entry names", async () => {
  const upstream = new FakeUpstream().on('llama-models.example.com', () => Response.json(LIST));
  const edge = new TestEdge({ upstream, bindings: ['GPU'] });
  const question = questionOf({
    baseURL: 'http://gpu.internal:8080',
    binding: 'GPU',
    hostHeader: 'llama-models.example.com',
  });
  expect(await seen(edge, question)).toMatchObject({ type: 'Seen' });
  expect(upstream.hosts.at(-1)).toBe('llama-models.example.com');
});

test('it needs no table: a new edge is asked before anything is published to it', async () => {
  const tables = { table: () => Promise.reject(new Error('no table yet')) };
  expect(await seen(new TestEdge({ upstream: listedUnder('/v1'), tables }), questionOf())).toMatchObject({
    type: 'Seen',
  });
});
