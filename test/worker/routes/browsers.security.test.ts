import { describe, expect, test } from 'vitest';
import type { Cors } from '../../../contract/routing-table.ts';
import { FakeUpstream } from '../support/fake-upstream.ts';
import { answers, completion, STREAM_WITH_USAGE, streams } from '../support/openai-answers.ts';
import { routeEntry } from '../support/table-of-entries.ts';
import { errorOf, oneBackend, TestEdge } from '../support/test-edge.ts';

const PATH = '/v1/chat/completions';
const APP = 'https://app.example.com';
const cors = (change: Partial<Cors> = {}): Cors => ({
  allowOrigins: [APP],
  allowHeaders: ['x-team'],
  exposeHeaders: ['x-ratelimit-remaining-requests'],
  allowCredentials: false,
  maxAge: 600,
  ...change,
});

function edgeWith(change: Partial<Cors> | undefined): TestEdge {
  const upstream = new FakeUpstream().on('first.example', (call) => {
    const answer = call.text.includes('"stream":true') ? streams(STREAM_WITH_USAGE) : answers(completion());
    return answer(call);
  });
  const routes = { 'default/main': routeEntry(change && { cors: cors(change) }) };
  return new TestEdge({ upstream, entries: oneBackend({ routes }) });
}

const preflight = (edge: TestEdge, origin: string, requested = 'authorization') =>
  edge.request(PATH, {
    method: 'OPTIONS',
    headers: {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': requested,
    },
  });

const corsHeaders = ({ headers }: Response) =>
  Object.fromEntries([...headers].filter(([name]) => name.startsWith('access-control-') || name === 'vary'));

describe('a preflight request', () => {
  test('needs no key, and is told what SDKs need and the route allows', async () => {
    const edge = edgeWith({});
    const requested = 'Authorization, content-type, x-stainless-lang, X-Team, x-evil';
    const response = await preflight(edge, APP, requested);
    expect(response.status).toBe(204);
    expect(corsHeaders(response)).toEqual({
      'access-control-allow-origin': APP,
      'access-control-allow-methods': 'GET, POST, OPTIONS',
      'access-control-allow-headers': 'authorization, content-type, x-stainless-lang, x-team',
      'access-control-max-age': '600',
      'access-control-expose-headers': expect.stringContaining('x-request-id, x-fairlead-revision'),
      vary: 'Origin, Access-Control-Request-Headers',
    });
    expect(await edge.record()).toMatchObject({ 'fairlead.outcome': 'completed', 'http.response.status_code': 204 });
  });

  test('may be allowed every header, and credentials', async () => {
    const response = await preflight(edgeWith({ allowHeaders: ['*'], allowCredentials: true }), APP, 'x-any');
    expect(corsHeaders(response)).toMatchObject({
      'access-control-allow-headers': 'x-any',
      'access-control-allow-credentials': 'true',
    });
  });

  test.each([
    ['of another origin', {}, 'https://evil.example.com'],
    ['of another scheme', {}, 'http://app.example.com'],
    ['of another port', {}, `${APP}:8443`],
    ['of the suffix itself', { allowOrigins: ['https://*.example.com'] }, 'https://example.com'],
    ['of a name that only ends like it', { allowOrigins: ['https://*.example.com'] }, 'https://evilexample.com'],
    ['of nowhere', {}, 'null'],
    ['where the route says nothing of browsers', undefined, APP],
  ])('%s is refused', async (_, change, origin) => {
    const response = await preflight(edgeWith(change), origin);
    expect(corsHeaders(response)).toEqual({});
    expect(await errorOf(response)).toMatchObject({ status: 405, code: 'method_not_allowed' });
  });

  test.each([['*'], ['https://*.example.com'], [APP]])('is granted by %s', async (pattern) => {
    const response = await preflight(edgeWith({ allowOrigins: ['https://other.example', pattern] }), APP);
    expect(response.headers.get('access-control-allow-origin')).toBe(APP);
  });
});

describe("a script's request", () => {
  const expected = {
    'access-control-allow-origin': APP,
    'access-control-expose-headers':
      'x-request-id, x-fairlead-revision, x-fairlead-backend, retry-after, server-timing, x-ratelimit-remaining-requests',
    vary: 'Origin',
  };

  test.each([false, true])('of an allowed origin may read the answer (streamed: %s)', async (stream) => {
    const response = await edgeWith({}).chat({ stream }, { origin: APP });
    expect(response.status).toBe(200);
    expect(corsHeaders(response)).toEqual(expected);
    await response.text();
  });

  test.each<[string, string, object, Record<string, string>, number]>([
    ['that its key is wrong', PATH, {}, { authorization: 'Bearer wrong' }, 401],
    ['that its model is unknown', PATH, { model: 'nope' }, {}, 404],
    ['that its body is wrong', PATH, { messages: [] }, {}, 400],
    ['that nothing is at its path', '/v1/responses', {}, {}, 404],
  ])('may read %s', async (_, path, change, headers, status) => {
    const body = { model: 'demo', messages: [{ role: 'user', content: 'hi' }], ...change };
    const response = await edgeWith({}).post(path, body, { origin: APP, ...headers });
    expect(response.status).toBe(status);
    expect(corsHeaders(response)).toEqual(expected);
  });

  test('of another origin is answered without leave to read it', async () => {
    const response = await edgeWith({}).chat({}, { origin: 'https://evil.example.com' });
    expect(corsHeaders(response)).toEqual({});
  });

  test('is open to the scripts that its own route allows, not to those of another route', async () => {
    const upstream = new FakeUpstream().on('first.example', answers(completion()));
    const routes = {
      'default/closed': routeEntry({ models: { demo: 'default/demo' } }),
      'default/open': routeEntry({ models: { open: 'default/demo' }, cors: cors() }),
    };
    const edge = new TestEdge({ upstream, entries: oneBackend({ routes }) });
    expect(corsHeaders(await edge.chat({}, { origin: APP }))).toEqual({});
    expect(corsHeaders(await edge.chat({ model: 'open' }, { origin: APP }))).toEqual(expected);
  });
});
