import { describe, expect, test } from 'vitest';
import { ACCESS_SECRET, ask, questionOf, questionWithSecret, sealingKeys, seen } from '../support/ask-sighting.ts';
import { FakeUpstream } from '../support/fake-upstream.ts';
import { TestEdge } from '../support/test-edge.ts';
import { EDGE, OTHER_CLUSTER, OTHER_KEY, STRANGERS_KEY } from '../table/test-keys.ts';

const LIST = () => Response.json({ data: [{ id: 'llama' }] });

function bench(host = 'llama.example') {
  const upstream = new FakeUpstream().on(host, LIST);
  return { upstream, edge: new TestEdge({ upstream, credentials: sealingKeys }) };
}

describe('who may have the edge look', () => {
  test('nobody without a signature', async () => {
    const { edge, upstream } = bench();
    const path = '/fairlead/v1/clusters/prod/sighting';
    const response = await edge.request(path, { method: 'POST', body: JSON.stringify(questionOf()) });
    expect(response.status).toBe(401);
    expect(upstream.calls).toHaveLength(0);
  });

  test.each([
    ['a stranger', {}, STRANGERS_KEY],
    ['another cluster', {}, OTHER_KEY],
  ])('not %s', async (_, asking, key) => {
    const { edge, upstream } = bench();
    expect((await ask(edge, questionOf(), { ...asking, key })).status).toBe(401);
    expect(upstream.calls).toHaveLength(0);
  });

  test('a consumer with a valid key is nobody here', async () => {
    const { edge, upstream } = bench();
    const path = '/fairlead/v1/clusters/prod/sighting';
    expect((await edge.post(path, questionOf())).status).toBe(401);
    expect(upstream.calls).toHaveLength(0);
  });
});

describe('where the edge does not look', () => {
  test.each([
    ['a private address', { baseURL: 'https://10.0.0.7' }, 'private address'],
    ['the metadata service of a cloud', { baseURL: 'http://169.254.169.254/latest' }, 'not https'],
    ['a name of the cluster', { baseURL: 'https://llama.models.svc.cluster.local' }, 'private address'],
    ['plain text', { baseURL: 'http://llama.example' }, 'not https'],
    ['another scheme', { baseURL: 'ftp://llama.example' }, 'neither https nor http'],
    ['itself', { baseURL: `${EDGE}/fairlead/v1` }, "this edge's own"],
    ['itself, by another port or scheme', { baseURL: EDGE.replace('https', 'HTTPS') }, "this edge's own"],
  ])('%s', async (_, entry, why) => {
    const { edge, upstream } = bench();
    const answer = await seen(edge, questionOf(entry));
    expect(answer).toMatchObject({ type: 'NotSeen' });
    expect(answer.type === 'NotSeen' && answer.sentence).toContain(why);
    expect(upstream.calls).toHaveLength(0);
  });

  test('a private address, where the EdgeGateway allows it, it does', async () => {
    const { edge } = bench('10.0.0.7');
    const allow = { privateAddresses: true, plainText: true };
    expect(await seen(edge, questionOf({ baseURL: 'http://10.0.0.7', allow }))).toMatchObject({ type: 'Seen' });
  });

  test.each(['@evil.example', '.evil.example', '//evil.example', '/v1?x=', '/v1#', '/v1\\', ':8443'])(
    'another host, port or query by way of the path %s',
    async (path) => {
      const { edge, upstream } = bench();
      const answer = await seen(edge, questionOf({}, { paths: [path] }));
      expect(answer.type).toBe('NotSeen');
      expect(upstream.hosts.every((host) => host === 'llama.example')).toBe(true);
      expect(upstream.calls.every(({ url }) => new URL(url).search === '')).toBe(true);
    },
  );
});

describe('secrets', () => {
  test.each([
    ['another edge', { edge: 'https://other.example.com' }],
    ['another cluster', { cluster: OTHER_CLUSTER }],
    ['another provider', { provider: 'ai/other' }],
    ['another origin', { origins: ['https://elsewhere.example'] }],
  ])('sealed for %s are not sent', async (_, binding) => {
    const { edge, upstream } = bench();
    expect(await seen(edge, await questionWithSecret(binding))).toMatchObject({ type: 'NotSeen' });
    expect(upstream.calls).toHaveLength(0);
  });

  test('of one cluster are not opened for another that got hold of their sealed form', async () => {
    const { edge, upstream } = bench();
    const asking = { cluster: OTHER_CLUSTER, key: OTHER_KEY };
    expect(await seen(edge, await questionWithSecret(), asking)).toMatchObject({ type: 'NotSeen' });
    expect(upstream.calls).toHaveLength(0);
  });

  test('stand in no sentence, nor does anything of a body', async () => {
    const { edge, upstream } = bench();
    upstream.on('llama.example', () => new Response(`you sent ${ACCESS_SECRET}`, { status: 403 }));
    const refused = JSON.stringify(await seen(edge, await questionWithSecret()));
    expect(refused).not.toContain(ACCESS_SECRET);
    expect(refused).not.toContain('you sent');
    upstream.on('llama.example', () => {
      throw new Error(`bad header ${ACCESS_SECRET}`);
    });
    expect(JSON.stringify(await seen(edge, await questionWithSecret()))).not.toContain(ACCESS_SECRET);
  });
});

test('names that are too long, or no text, are left out, and no more than a thousand are told', async () => {
  const { edge, upstream } = bench();
  const odd = [{ id: 'x'.repeat(513) }, { id: 7 }, { id: '' }, { id: 'a\nb' }, 'llama', null];
  const many = Array.from({ length: 1200 }, (_, i) => ({ id: `m${i}` }));
  upstream.on('llama.example', () => Response.json({ data: [...odd, ...many] }));
  const answer = await seen(edge, questionOf());
  expect(answer.type === 'Seen' && answer.models).toHaveLength(1000);
  expect(answer.type === 'Seen' && answer.models[0]).toBe('m0');
});
