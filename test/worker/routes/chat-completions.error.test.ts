import { describe, expect, test } from 'vitest';
import type { RouteEntry } from '../../../contract/routing-table.ts';
import { TableUnavailable } from '../../../worker/table/table-unavailable.ts';
import { FakeUpstream, LiveBody, silent, type Answering } from '../support/fake-upstream.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { answers, completion, refuses } from '../support/openai-answers.ts';
import { backendEntry, modelEntry, routeEntry } from '../support/table-of-entries.ts';
import { CHAT, errorOf, oneBackend, TestEdge, twoBackends } from '../support/test-edge.ts';

describe("a provider's refusal of the request itself is the caller's, as it came, and nobody else is asked", () => {
  test.each([400, 402, 404, 409, 413, 422])('%i', async (status) => {
    const said = { message: 'temperature must be at most 2', type: 'invalid_request_error', extension: [1] };
    const upstream = new FakeUpstream().on('first.example', refuses(status, said, { 'x-hint': 'colder' }));
    const edge = new TestEdge({ upstream, entries: twoBackends() });
    const response = await edge.chat();
    expect(response.status).toBe(status);
    expect(response.headers.get('x-hint')).toBe('colder');
    expect(await response.json()).toEqual({ error: said });
    expect(upstream.hosts).toEqual(['first.example']);
    expect(await edge.record()).toMatchObject({ 'fairlead.outcome': 'refused', 'http.response.status_code': status });
  });
});

describe('a fault of the provider, or of its operator, names the provider and not the detail, which is logged', () => {
  const page = () => new Response('<html>secret page</html>', { headers: { 'content-type': 'text/html' } });

  test.each<[string, Answering, number, string, boolean]>([
    ['401', refuses(401, { message: 'detail: no such key' }), 502, 'upstream_refused_credentials', false],
    ['403', refuses(403, { message: 'detail: not your region' }), 502, 'upstream_refused_credentials', false],
    ['500', refuses(500, { message: 'detail: stack', code: 'boom' }), 502, 'upstream_failed', true],
    ['529', refuses(529, { message: 'detail: overloaded' }), 502, 'upstream_failed', true],
    ['408', refuses(408, { message: 'detail: too slow' }), 504, 'upstream_timeout', true],
    ['a page', page, 502, 'upstream_failed', true],
    ['half an answer', () => new Response('{"choices":[{"mess'), 502, 'upstream_failed', true],
    ['a list', answers([]), 502, 'upstream_failed', true],
    ['an error as a success', answers({ error: { message: 'detail: x', code: 'gone' } }), 502, 'upstream_failed', true],
    [
      'a redirect',
      () => new Response(null, { status: 302, headers: { location: 'https://detail.example' } }),
      502,
      'upstream_failed',
      true,
    ],
    ['no connection', () => Promise.reject(new TypeError('detail: refused')), 502, 'upstream_failed', true],
  ])('%s', async (_, answer, status, code, isWorthRetrying) => {
    const edge = new TestEdge({ upstream: new FakeUpstream().on('first.example', answer) });
    const response = await edge.chat();
    const retry = response.headers.get('x-should-retry');
    const error = await errorOf(response);
    expect(error).toMatchObject({ status, code, type: 'server_error' });
    expect(error.message).toContain('default/first');
    expect(error.message).not.toMatch(/detail|secret/);
    expect(retry).toBe(isWorthRetrying ? null : 'false');
    const record = await edge.record();
    expect(record).toMatchObject({ 'fairlead.outcome': 'failed', 'error.type': code });
    expect(record['fairlead.error.detail']).toBeTypeOf('string');
  });

  test('what the provider says of our credentials is in the log', async () => {
    const answer = refuses(401, { message: 'Incorrect API key', code: 'invalid_api_key' });
    const edge = new TestEdge({ upstream: new FakeUpstream().on('first.example', answer) });
    await edge.chat();
    expect((await edge.record())['fairlead.error.detail']).toBe('status 401, code invalid_api_key: Incorrect API key');
  });
});

describe("the last backend's limit is the caller's", () => {
  test.each([
    [{ 'retry-after': '7' }, '7'],
    [{ 'retry-after-ms': '1500' }, '2'],
    [{}, null],
    [{ 'retry-after': 'Wed, 21 Oct 2015 07:28:00 GMT' }, null],
  ])('429 with what it says of coming back: %o', async (headers, retryAfter) => {
    const limit = refuses(429, { message: 'slow down', code: 'rate_limit_exceeded' }, headers);
    const upstream = new FakeUpstream().on('first.example', limit).on('second.example', limit);
    const edge = new TestEdge({ upstream, entries: twoBackends() });
    const response = await edge.chat();
    expect(response.headers.get('retry-after')).toBe(retryAfter);
    expect(await errorOf(response)).toMatchObject({
      status: 429,
      code: 'upstream_rate_limited',
      type: 'rate_limit_error',
    });
    expect(upstream.hosts).toEqual(['first.example', 'second.example']);
    expect(await edge.record()).toMatchObject({ 'fairlead.outcome': 'failed' });
  });

  test('a backend that limits is asked last until the time that it named', async () => {
    const clock = new ManualClock();
    const limit = refuses(429, { message: 'slow down' }, { 'retry-after': '5' });
    const upstream = new FakeUpstream().on('first.example', limit).on('second.example', answers(completion()));
    const edge = new TestEdge({ upstream, clock, entries: twoBackends() });
    await edge.chat();
    await edge.chat();
    await clock.advance(5_000);
    await edge.chat();
    const [first, second] = ['first.example', 'second.example'];
    expect(upstream.hosts).toEqual([first, second, second, first, second]);
  });
});

describe('time runs out: 504', () => {
  test.each<[string, RouteEntry['timeouts'], boolean, RegExp]>([
    ['firstByte', { firstByte: 4_000 }, false, /default\/first did not begin to answer in time/],
    ['idle', { idle: 4_000 }, true, /default\/first stopped sending in the middle/],
    ['total', { total: 4_000 }, false, /took longer than this gateway allows in all/],
    ['total', { total: 4_000 }, true, /took longer than this gateway allows in all/],
  ])('%s', async (phase, timeouts, isBegun, message) => {
    const clock = new ManualClock();
    const body = new LiveBody();
    const upstream = new FakeUpstream().on('first.example', isBegun ? body.answer({}) : silent);
    const entries = oneBackend({ routes: { 'default/main': routeEntry({ timeouts }) } });
    const edge = new TestEdge({ upstream, clock, entries });
    const answering = edge.chat();
    await upstream.called(1);
    if (isBegun) body.send('{"id":"chatcmpl-1",');
    await clock.advance(3_999);
    expect(edge.records).toEqual([]);
    await clock.advance(1);
    const error = await errorOf(await answering);
    expect(error).toMatchObject({ status: 504, code: 'upstream_timeout' });
    expect(error.message).toMatch(message);
    expect(upstream.call.signal.aborted).toBe(true);
    expect((await edge.record())['fairlead.error.detail']).toBe(phase);
  });

  test('at one backend: the next one is asked', async () => {
    const clock = new ManualClock();
    const upstream = new FakeUpstream().on('first.example', silent).on('second.example', answers(completion()));
    const entries = twoBackends({ routes: { 'default/main': routeEntry({ timeouts: { firstByte: 4_000 } }) } });
    const answering = new TestEdge({ upstream, clock, entries }).chat();
    await upstream.called(1);
    await clock.advance(4_000);
    expect((await answering).headers.get('x-fairlead-backend')).toBe('second');
  });

  test('an answer that comes slowly is waited for as long as something comes', async () => {
    const clock = new ManualClock();
    const body = new LiveBody();
    const upstream = new FakeUpstream().on('first.example', body.answer({}));
    const entries = oneBackend({ routes: { 'default/main': routeEntry({ timeouts: { idle: 4_000 } }) } });
    const answering = new TestEdge({ upstream, clock, entries }).chat();
    await upstream.called(1);
    for (const part of JSON.stringify(completion()).match(/.{1,80}/gs) ?? []) {
      await clock.advance(3_000);
      body.send(part);
    }
    body.end();
    expect(await (await answering).json()).toEqual(completion());
  });
});

describe('a request is refused', () => {
  const upstream = new FakeUpstream();

  test('for a model that does not exist: 404, and where to look', async () => {
    const error = await errorOf(await new TestEdge({ upstream }).chat({ model: 'nope' }));
    expect(error).toEqual({
      status: 404,
      code: 'model_not_found',
      type: 'invalid_request_error',
      param: 'model',
      message:
        'The model `nope` does not exist or you do not have access to it. GET /v1/models lists those you may use.',
    });
  });

  test.each(['constructor', '__proto__', 'toString'])('for a model called %s: 404', async (model) => {
    const edge = new TestEdge({ upstream });
    const body = `{"model":"${model}","messages":[{"role":"user","content":"hi"}]}`;
    expect((await errorOf(await edge.post('/v1/chat/completions', body))).code).toBe('model_not_found');
  });

  test('for an operation that the model does not do: 400', async () => {
    const entries = oneBackend({ models: { 'default/demo': modelEntry({ operations: ['embeddings'] }) } });
    const error = await errorOf(await new TestEdge({ upstream, entries }).chat());
    expect(error).toMatchObject({ status: 400, code: 'unsupported_operation' });
    expect(error.message).toBe('The model `demo` does not do chat; it does embeddings.');
  });

  test('while every backend has weight 0: 503, not to be tried again at once', async () => {
    const models = { 'default/demo': modelEntry({ backends: [backendEntry({ weight: 0 })] }) };
    const response = await new TestEdge({ upstream, entries: oneBackend({ models }) }).chat();
    expect(response.headers.get('x-should-retry')).toBe('false');
    expect(await errorOf(response)).toMatchObject({ status: 503, code: 'no_backend' });
  });

  test.each([
    ['GET', '/v1/chat/completions', 'POST'],
    ['PUT', '/v1/completions', 'POST'],
    ['DELETE', '/v1/embeddings', 'POST'],
    ['POST', '/v1/models', 'GET'],
    ['DELETE', '/v1/models/demo', 'GET'],
  ])('by another method than the endpoint has: %s %s is 405', async (method, path, allowed) => {
    const edge = new TestEdge({ upstream });
    const response = await edge.request(path, { method });
    expect(response.headers.get('allow')).toBe(allowed);
    expect(await errorOf(response)).toMatchObject({
      status: 405,
      code: 'method_not_allowed',
      message: `This endpoint is called by ${allowed}.`,
    });
    expect(await edge.record()).toMatchObject({ 'fairlead.outcome': 'refused', 'http.response.status_code': 405 });
  });

  test.each(['/', '/v1', '/v1/chat/completions/x', '/v1/responses', '/chat/completions', '/team-a/healthz'])(
    'at %s, where nothing is: 404, and what there is',
    async (path) => {
      const error = await errorOf(await new TestEdge({ upstream }).post(path, CHAT));
      expect(error).toMatchObject({ status: 404, code: 'not_found' });
      expect(error.message).toContain('/v1/chat/completions');
    },
  );
});

describe('without a table', () => {
  test('every call is answered 503, to be tried again in a second, and never 401', async () => {
    const table = () => Promise.reject(new TableUnavailable('no-table', 'this edge has no routing table yet'));
    const edge = new TestEdge({ upstream: new FakeUpstream(), tables: { table } });
    const response = await edge.chat({}, { authorization: 'Bearer wrong' });
    expect(response.headers.get('retry-after')).toBe('1');
    expect(response.headers.get('x-should-retry')).toBeNull();
    expect(response.headers.get('x-request-id')).toBe('made-1');
    expect(await errorOf(response)).toMatchObject({ status: 503, code: 'not_ready' });
    expect(await edge.record()).toMatchObject({ 'fairlead.outcome': 'failed', 'error.type': 'not_ready' });
  });
});

test('an error of any kind has the id of its request and the revision that decided', async () => {
  const { headers } = await new TestEdge({ upstream: new FakeUpstream() }).chat({ model: 'nope' });
  expect(Object.fromEntries(headers)).toMatchObject({
    'content-type': 'application/json',
    'x-request-id': 'made-1',
    'x-fairlead-revision': 'abcdef012345',
    'server-timing': expect.stringMatching(/^total;dur=\d+$/),
  });
});
