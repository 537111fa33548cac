import { describe, expect, test } from 'vitest';
import { FakeUpstream } from '../support/fake-upstream.ts';
import { answers, completion, refuses, STREAM, STREAM_WITH_USAGE, streams } from '../support/openai-answers.ts';
import { modelEntry, providerEntry, routeEntry } from '../support/table-of-entries.ts';
import { CHAT, oneBackend, TestEdge, twoBackends, UPSTREAM_KEY } from '../support/test-edge.ts';

describe('a chat', () => {
  test('is answered with the bytes of the provider, whose name for the model stays', async () => {
    const body = '{ "model" : "upstream-demo-2026-01-01",\n "choices": [], "an_extension": [1.0, 1e2] }';
    const upstream = new FakeUpstream().on(
      'first.example',
      () => new Response(body, { headers: { 'content-type': 'application/json; charset=utf-8' } }),
    );
    const response = await new TestEdge({ upstream }).chat();
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(await response.text()).toBe(body);
  });

  test('reaches the provider under its name for the model, every other byte as the caller wrote it', async () => {
    const upstream = new FakeUpstream().on('first.example', answers(completion()));
    const text =
      '{"messages":[{"role":"user","content":"h\\u00e9"}] , "model":"demo","new_knob":{"a":[1.0]},"seed":1e3}';
    await new TestEdge({ upstream }).post('/v1/chat/completions', text);
    expect(upstream.call).toMatchObject({
      url: 'https://first.example/v1/chat/completions',
      method: 'POST',
      redirect: 'manual',
      text: text.replace('"demo"', '"upstream-demo"'),
    });
  });

  test('may name an alias of the model', async () => {
    const upstream = new FakeUpstream().on('first.example', answers(completion()));
    const entries = oneBackend({
      routes: { 'default/main': routeEntry({ models: { demo: 'default/demo', 'gpt-4o': 'default/demo' } }) },
      models: { 'default/demo': modelEntry({ aliases: ['gpt-4o'] }) },
    });
    const edge = new TestEdge({ upstream, entries });
    expect((await edge.chat({ model: 'gpt-4o' })).status).toBe(200);
    expect(upstream.call.body).toMatchObject({ model: 'upstream-demo' });
    expect(await edge.record()).toMatchObject({ 'gen_ai.request.model': 'gpt-4o', 'fairlead.model': 'default/demo' });
  });

  test('meets the route whose path prefix stands before the endpoint', async () => {
    const upstream = new FakeUpstream().on('first.example', answers(completion()));
    const entries = oneBackend({ routes: { 'default/team-a': routeEntry({ pathPrefix: '/team-a' }) } });
    const edge = new TestEdge({ upstream, entries });
    expect((await edge.post('/team-a/v1/chat/completions', CHAT)).status).toBe(200);
    expect((await edge.post('/v1/chat/completions', CHAT)).status).toBe(404);
    expect((await edge.post('/team-ab/v1/chat/completions', CHAT)).status).toBe(404);
  });

  test.each([
    ['host', { hostnames: ['other.example.com'] }],
    ['header', { headers: [{ name: 'x-stage', value: 'canary' }] }],
  ])('meets a route by its %s', async (_, change) => {
    const upstream = new FakeUpstream().on('first.example', answers(completion()));
    const edge = new TestEdge({ upstream, entries: oneBackend({ routes: { 'default/main': routeEntry(change) } }) });
    expect((await edge.chat()).status).toBe(404);
    const headers = { 'x-stage': 'canary' };
    expect((await edge.post('https://other.example.com/v1/chat/completions', CHAT, headers)).status).toBe(200);
  });

  test('carries headers of both sides through, and says who answered out of which revision', async () => {
    const upstream = new FakeUpstream().on(
      'first.example',
      answers(completion(), {
        headers: { 'x-ratelimit-remaining-requests': '41', 'openai-processing-ms': '12', 'x-request-id': 'req_up' },
      }),
    );
    const edge = new TestEdge({ upstream });
    const given = {
      'user-agent': 'OpenAI/Python 2.0',
      'x-stainless-lang': 'python',
      'openai-beta': 'assistants=v2',
      traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
      'x-request-id': 'mine:1.2-3_4',
    };
    const { headers } = await edge.chat({}, given);
    expect(Object.fromEntries(upstream.call.headers)).toEqual({
      ...given,
      authorization: `Bearer ${UPSTREAM_KEY}`,
      'content-type': 'application/json',
    });
    expect(Object.fromEntries(headers)).toMatchObject({
      'x-ratelimit-remaining-requests': '41',
      'openai-processing-ms': '12',
      'x-request-id': 'mine:1.2-3_4',
      'x-fairlead-revision': 'abcdef012345',
      'x-fairlead-backend': 'first',
      'server-timing': expect.stringMatching(/^upstream;dur=\d+, total;dur=\d+$/),
    });
    expect(await edge.record()).toMatchObject({
      'fairlead.request_id': 'mine:1.2-3_4',
      'fairlead.upstream_request_id': 'req_up',
      traceparent: given.traceparent,
    });
  });

  test.each([
    ['none', undefined],
    ['one with a blank in it', 'two words'],
    ['one that is too long', 'x'.repeat(129)],
  ])('is given an id where it brings %s', async (_, given) => {
    const upstream = new FakeUpstream().on('first.example', answers(completion()));
    const response = await new TestEdge({ upstream }).chat({}, given === undefined ? {} : { 'x-request-id': given });
    expect(response.headers.get('x-request-id')).toBe('made-1');
    expect(upstream.call.headers.get('x-request-id')).toBe('made-1');
  });

  test('is sent with the headers that the provider wants', async () => {
    const upstream = new FakeUpstream().on('first.example', answers(completion()));
    const first = providerEntry({
      auth: { credential: { type: 'WorkerSecret', name: 'FIRST_KEY' }, header: 'api-key' },
      headers: [{ name: 'x-tier', type: 'Value', value: 'batch' }],
    });
    const edge = new TestEdge({ upstream, entries: oneBackend({ providers: { 'default/first': first } }) });
    await edge.chat({}, { 'api-key': 'of the caller', 'x-tier': 'of the caller' });
    const { headers } = upstream.call;
    expect(headers.get('api-key')).toBe(UPSTREAM_KEY);
    expect(headers.get('x-tier')).toBe('batch');
    expect(headers.get('authorization')).toBeNull();
  });
});

describe('a streamed chat', () => {
  test('asks the provider for the usage, and keeps it from a caller that did not', async () => {
    const upstream = new FakeUpstream().on('first.example', streams(STREAM_WITH_USAGE));
    const edge = new TestEdge({ upstream });
    const response = await edge.chat({ stream: true });
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    expect(response.headers.get('x-fairlead-backend')).toBe('first');
    expect(await response.text()).toBe(STREAM);
    expect(upstream.call.body).toEqual({
      ...CHAT,
      model: 'upstream-demo',
      stream: true,
      stream_options: { include_usage: true },
    });
  });

  test('brings the usage to a caller that asked for it, with what else its options say', async () => {
    const upstream = new FakeUpstream().on('first.example', streams(STREAM_WITH_USAGE));
    const options = { include_usage: true, include_obfuscation: false };
    const response = await new TestEdge({ upstream }).chat({ stream: true, stream_options: options });
    expect(await response.text()).toBe(STREAM_WITH_USAGE);
    expect(upstream.call.body).toMatchObject({ stream_options: options });
  });

  test('is asked for again, without the usage, of a provider that does not know the option, and from then on', async () => {
    const upstream = new FakeUpstream().on('first.example', (call) =>
      call.text.includes('stream_options')
        ? refuses(422, { message: 'extra_forbidden: stream_options' })(call)
        : streams(STREAM_WITH_USAGE)(call),
    );
    const edge = new TestEdge({ upstream });
    expect(await (await edge.chat({ stream: true })).text()).toBe(STREAM);
    expect(await (await edge.chat({ stream: true })).text()).toBe(STREAM);
    expect(upstream.calls.map(({ text }) => text.includes('stream_options'))).toEqual([true, false, false]);
  });
});

describe('the log', () => {
  const priced = modelEntry({
    pricing: { inputPerMillionTokens: '2', cachedInputPerMillionTokens: '0.5', outputPerMillionTokens: '10' },
  });
  const entries = oneBackend({ models: { 'default/demo': priced } });

  test.each([
    ['a whole answer', false, answers(completion())],
    ['a stream', true, streams(STREAM_WITH_USAGE)],
  ])('has one line for %s, with usage and cost as the provider counted', async (_, stream, answer) => {
    const edge = new TestEdge({ upstream: new FakeUpstream().on('first.example', answer), entries });
    await (await edge.chat({ stream })).text();
    expect(await edge.record()).toMatchObject({
      event: 'request',
      'fairlead.outcome': 'completed',
      'http.response.status_code': 200,
      'url.path': '/v1/chat/completions',
      'server.address': 'edge.example.com',
      'gen_ai.operation.name': 'chat',
      'gen_ai.request.model': 'demo',
      'gen_ai.response.model': 'upstream-demo-2026-01-01',
      'gen_ai.usage.input_tokens': 11,
      'gen_ai.usage.output_tokens': 7,
      'gen_ai.usage.cache_read.input_tokens': 4,
      'gen_ai.usage.reasoning.output_tokens': 2,
      'fairlead.usage.estimated': false,
      'fairlead.cost_usd': 0.000086,
      'fairlead.stream': stream,
      'fairlead.consumer': 'default/ada',
      'fairlead.consumer.key': 'laptop',
      'fairlead.route': 'default/main',
      'fairlead.model': 'default/demo',
      'fairlead.backend': 'first',
      'fairlead.provider': 'default/first',
      'fairlead.revision': 'abcdef012345',
    });
  });

  test.each([
    ['a whole answer', false, answers(completion({ usage: undefined }))],
    ['a stream', true, streams(STREAM)],
  ])('has an estimate where the provider does not count %s', async (_, stream, answer) => {
    const edge = new TestEdge({ upstream: new FakeUpstream().on('first.example', answer) });
    await (await edge.chat({ stream })).text();
    const record = await edge.record();
    expect(record).toMatchObject({ 'fairlead.outcome': 'completed', 'fairlead.usage.estimated': true });
    expect(record['gen_ai.usage.input_tokens']).toBeGreaterThan(0);
    expect(record['gen_ai.usage.output_tokens']).toBeGreaterThan(0);
  });
});

describe('another backend answers', () => {
  test.each<[string, Parameters<FakeUpstream['on']>[1]]>([
    ['cannot be reached', () => Promise.reject(new TypeError('Network connection lost.'))],
    ['fails', refuses(503, { message: 'overloaded' })],
    ['limits', refuses(429, { message: 'slow down' })],
    ['gives up waiting', refuses(408, { message: 'timeout' })],
    ['refuses our credentials', refuses(401, { message: 'bad key' })],
    ['redirects', () => new Response(null, { status: 307, headers: { location: 'https://else.example' } })],
    ['answers with a page', () => new Response('<html>hi</html>', { headers: { 'content-type': 'text/html' } })],
    ['answers with nothing', () => new Response(null, { status: 204 })],
    ['reports an error as a success', answers({ error: { code: 502, message: 'the model is gone' } })],
  ])('where the first one %s', async (_, answer) => {
    const upstream = new FakeUpstream().on('first.example', answer).on('second.example', answers(completion()));
    const edge = new TestEdge({ upstream, entries: twoBackends() });
    const response = await edge.chat();
    expect(response.status).toBe(200);
    expect(response.headers.get('x-fairlead-backend')).toBe('second');
    expect(await response.json()).toEqual(completion());
    expect(upstream.hosts).toEqual(['first.example', 'second.example']);
    expect(upstream.calls[1]?.body).toEqual({ ...CHAT, model: 'second-demo' });
    expect((await edge.record())['fairlead.attempts']).toMatchObject([
      { backend: 'first', provider: 'default/first' },
      { backend: 'second', provider: 'default/second', outcome: 'answered', status: 200 },
    ]);
  });
});
