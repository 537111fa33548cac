import { describe, expect, test } from 'vitest';
import { publishError } from '../../../contract/publish-api.ts';
import { ask, questionOf, questionWithSecret, seen } from '../support/ask-sighting.ts';
import { FakeUpstream, silent, type Answering } from '../support/fake-upstream.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { TestEdge } from '../support/test-edge.ts';

const page = (status: number, headers: Record<string, string> = {}) =>
  new Response('<!DOCTYPE html><title>Sign in</title>', {
    status,
    headers: { 'content-type': 'text/html', ...headers },
  });

async function sentence(answer: Answering): Promise<string> {
  const answered = await seen(new TestEdge({ upstream: new FakeUpstream().on('llama.example', answer) }), questionOf());
  if (answered.type === 'Seen') throw new Error('expected nothing to be seen');
  return answered.sentence;
}

const BOTH = 'GET /openai/v1/models, GET /v1/models';

describe('what the edge saw in place of models', () => {
  test.each<[string, string, Answering]>([
    [
      'no such path',
      `https://llama.example has nothing there (status 404): ${BOTH}`,
      () => new Response('', { status: 404 }),
    ],
    ['no model loaded', `https://llama.example lists no models: ${BOTH}`, () => Response.json({ data: [] })],
    [
      'credentials that are refused',
      `https://llama.example refuses access (status 401) of the credentials of its connection: ${BOTH}`,
      () => Response.json({ error: 'no' }, { status: 401 }),
    ],
    [
      "Access's page, for want of a service token",
      'https://llama.example refuses access (status 403): Cloudflare Access wants a service token: set the headers ' +
        'CF-Access-Client-Id and CF-Access-Client-Secret, and give its application a policy with the action Service ' +
        `Auth: ${BOTH}`,
      () => page(403),
    ],
    [
      "a redirect to Access's login",
      'https://llama.example asks for a login (status 302): Cloudflare Access wants a service token: set the headers ' +
        'CF-Access-Client-Id and CF-Access-Client-Secret, and give its application a policy with the action Service ' +
        `Auth: ${BOTH}`,
      () => page(302, { location: 'https://team.cloudflareaccess.com/cdn-cgi/access/login/x?meta=secret' }),
    ],
    [
      'another redirect',
      `https://llama.example redirects to elsewhere.example (status 301), which is not followed: ${BOTH}`,
      () => new Response(null, { status: 301, headers: { location: 'https://elsewhere.example/?token=secret' } }),
    ],
    ['a page', `https://llama.example answers with a page in place of JSON: ${BOTH}`, () => page(200)],
    ['text', `https://llama.example does not answer with JSON: ${BOTH}`, () => new Response('ok')],
    [
      'other JSON',
      `https://llama.example answers with JSON that is no list of models: ${BOTH}`,
      () => Response.json({ ok: true }),
    ],
    [
      "KServe's V1 protocol",
      `https://llama.example lists models by KServe's V1 protocol there, which is no OpenAI API: ${BOTH}`,
      () => Response.json({ models: ['iris'] }),
    ],
    [
      'a body without end',
      `https://llama.example answers with more than a megabyte: ${BOTH}`,
      () => new Response(' '.repeat(1024 * 1024 + 1)),
    ],
    [
      'a server that is not up yet',
      `https://llama.example is not ready (status 503): ${BOTH}`,
      () => new Response('', { status: 503 }),
    ],
    [
      'a tunnel that is down',
      'https://llama.example is behind a Cloudflare Tunnel that is not connected: see whether cloudflared runs ' +
        `(status 530): ${BOTH}`,
      () => new Response('error code: 1033', { status: 530 }),
    ],
    [
      'an origin whose certificate is wrong',
      `https://llama.example has a certificate that is not valid for it (status 526): ${BOTH}`,
      () => new Response('', { status: 526 }),
    ],
    [
      'one thing here and another there',
      'https://llama.example has nothing there (status 404): GET /openai/v1/models; fails (status 500): GET /v1/models',
      ({ url }) => new Response('', { status: url.includes('openai') ? 404 : 500 }),
    ],
  ])('%s', async (_, expected, answer) => {
    expect(await sentence(answer)).toBe(expected);
  });

  test('what cannot be connected to is not tried by another path', async () => {
    const upstream = new FakeUpstream().on('llama.example', () => {
      throw new Error('connect(): Connection refused.');
    });
    expect(await seen(new TestEdge({ upstream }), questionOf())).toEqual({
      type: 'NotSeen',
      sentence: 'https://llama.example cannot be reached (connect(): Connection refused): GET /openai/v1/models',
    });
    expect(upstream.calls).toHaveLength(1);
  });

  test('what fails in the same way is told in the same words, whatever number the runtime gives the failure', async () => {
    const upstream = new FakeUpstream().on('llama.example', () => {
      throw new Error('internal error; reference = gq7jld44rs9ppfdcfhv5gu08');
    });
    expect(await seen(new TestEdge({ upstream }), questionOf())).toEqual({
      type: 'NotSeen',
      sentence: 'https://llama.example cannot be reached (internal error): GET /openai/v1/models',
    });
  });

  test('what is silent is given up after five seconds', async () => {
    const clock = new ManualClock();
    const upstream = new FakeUpstream().on('llama.example', silent);
    const answer = seen(new TestEdge({ upstream, clock }), questionOf(), { at: clock.now() });
    await upstream.called(1);
    await clock.advance(5000);
    expect(await answer).toEqual({
      type: 'NotSeen',
      sentence: 'https://llama.example does not answer within 5 s: GET /openai/v1/models',
    });
    expect(upstream.call.signal.aborted).toBe(true);
  });

  test('eight slow paths take no longer than eight seconds together', async () => {
    const clock = new ManualClock();
    const upstream = new FakeUpstream().on('llama.example', async () => {
      await clock.advance(4500);
      return new Response('', { status: 404 });
    });
    const paths = ['/a', '/b', '/c', '/d'];
    await seen(new TestEdge({ upstream, clock }), questionOf({}, { paths }), { at: clock.now() });
    expect(upstream.calls).toHaveLength(2);
  });

  test('a secret that this edge cannot open', async () => {
    const upstream = new FakeUpstream();
    expect(await seen(new TestEdge({ upstream }), await questionWithSecret())).toEqual({
      type: 'NotSeen',
      sentence:
        'the edge does not call it: its sealed secret cannot be opened: it is sealed to the key "s1", which this edge ' +
        'does not have',
    });
    expect(upstream.calls).toHaveLength(0);
  });

  test('a binding that the worker does not have', async () => {
    expect(await seen(new TestEdge({ upstream: new FakeUpstream() }), questionOf({ binding: 'GPU' }))).toEqual({
      type: 'NotSeen',
      sentence: 'the edge does not call it: the worker has no binding GPU that can be called',
    });
  });

  test('an entry that requires a newer worker', async () => {
    const question = questionOf({ requires: ['time-travel'] });
    expect(await seen(new TestEdge({ upstream: new FakeUpstream() }), question)).toMatchObject({
      sentence: 'the edge does not call it: it requires time-travel, which this worker does not know',
    });
  });
});

test('a question that is none is told so', async () => {
  const response = await ask(new TestEdge({ upstream: new FakeUpstream() }), { provider: 'x' });
  expect(response.status).toBe(400);
  expect(publishError.parse(await response.json()).error.code).toBe('not_understood');
});
