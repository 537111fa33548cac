import { describe, expect, test } from 'vitest';
import { sha256Hex } from '../../../contract/encoding.ts';
import type { ProviderEntry } from '../../../contract/routing-table.ts';
import { TableUnavailable } from '../../../worker/table/table-unavailable.ts';
import { FakeUpstream } from '../support/fake-upstream.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { answers, completion, refuses, SAID } from '../support/openai-answers.ts';
import {
  consumerEntry,
  modelEntry,
  providerEntry,
  routeEntry,
  tableOfEntries,
  type Entries,
} from '../support/table-of-entries.ts';
import {
  CHAT,
  errorOf,
  KEY,
  KEY_DIGEST,
  oneBackend,
  QUESTION,
  TestEdge,
  twoBackends,
  UPSTREAM_KEY,
} from '../support/test-edge.ts';

const PATH = '/v1/chat/completions';
const anonymousRoute = { 'default/main': routeEntry({ authentication: 'Anonymous' }) };

function answering(): FakeUpstream {
  return new FakeUpstream().on('first.example', answers(completion()));
}

function asking(edge: TestEdge, headers: Record<string, string>, change: object = {}): Promise<Response> {
  const body = JSON.stringify({ ...CHAT, ...change });
  return edge.request(PATH, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body });
}

describe('a key', () => {
  test.each<[string, Record<string, string>]>([
    ['as Bearer', { authorization: `Bearer ${KEY}` }],
    ['as bearer', { authorization: `bearer ${KEY}` }],
    ['as BEARER', { authorization: `BEARER ${KEY}` }],
    ['as x-api-key', { 'x-api-key': KEY }],
    ['as x-api-key beside another scheme', { 'x-api-key': KEY, authorization: 'Basic YTpi' }],
  ])('is understood %s', async (_, headers) => {
    const upstream = answering();
    expect((await asking(new TestEdge({ upstream }), headers)).status).toBe(200);
    expect([...upstream.call.headers.values()].join()).not.toContain(KEY);
  });

  test.each<[string, Record<string, string>, RegExp]>([
    ['that is absent', {}, /^Send your API key as `Authorization: Bearer KEY` or `x-api-key: KEY`\.$/],
    ['that is blank', { authorization: 'Bearer ', 'x-api-key': ' ' }, /^Send your API key/],
    ['of another scheme', { authorization: `Basic ${KEY}` }, /^Send your API key/],
    ['that is unknown', { authorization: 'Bearer sk-wrong' }, /^This API key is not known here\./],
    ['in another case', { authorization: `Bearer ${KEY.toUpperCase()}` }, /^This API key is not known here\./],
    ['that goes on', { authorization: `Bearer ${KEY}x` }, /^This API key is not known here\./],
    ['that is a digest', { authorization: `Bearer ${KEY_DIGEST}` }, /^This API key is not known here\./],
    ['that is endless', { authorization: `Bearer ${'x'.repeat(10_000)}` }, /^This API key is not known here\./],
  ])('%s is refused: 401', async (_, headers, message) => {
    const upstream = answering();
    const edge = new TestEdge({ upstream });
    const error = await errorOf(await asking(edge, headers));
    expect(error).toMatchObject({ status: 401, code: 'invalid_api_key', type: 'invalid_request_error' });
    expect(error.message).toMatch(message);
    expect(error.message).not.toMatch(/sk-/);
    expect(upstream.calls).toEqual([]);
    const record = await edge.record();
    expect(record).toMatchObject({ 'fairlead.outcome': 'refused', 'fairlead.consumer': undefined });
    expect(JSON.stringify(record)).not.toMatch(/sk-|xxx/);
  });

  test('that is unknown is refused before the body is read', async () => {
    let isRead = false;
    const body = new ReadableStream(
      {
        pull() {
          isRead = true;
        },
      },
      { highWaterMark: 0 },
    );
    const response = await new TestEdge({ upstream: answering() }).post(PATH, body, { authorization: 'Bearer wrong' });
    expect(response.status).toBe(401);
    expect(isRead).toBe(false);
  });

  test('is refused from the moment of its expiry, also where it is known already', async () => {
    const clock = new ManualClock();
    const consumer = consumerEntry({ expiresAt: '2026-01-01T00:01:00Z' });
    const edge = new TestEdge({
      upstream: answering(),
      clock,
      entries: oneBackend({ consumers: { [KEY_DIGEST]: consumer } }),
    });
    await clock.advance(59_999);
    expect((await edge.chat()).status).toBe(200);
    await clock.advance(1);
    expect(await errorOf(await edge.chat())).toMatchObject({
      status: 401,
      code: 'invalid_api_key',
      message: 'This API key expired at 2026-01-01T00:01:00Z. Ask for a new one.',
    });
  });

  test('that is revoked stops working with the revision that drops it', async () => {
    const edge = new TestEdge({ upstream: answering() });
    expect((await edge.chat()).status).toBe(200);
    edge.serve(oneBackend({ consumers: {} }), 'next');
    const response = await edge.chat();
    expect(response.headers.get('x-fairlead-revision')).toBe('next');
    expect((await errorOf(response)).status).toBe(401);
    edge.serve(oneBackend(), 'third');
    expect((await edge.chat()).status).toBe(200);
  });

  test('means what the next revision says of it', async () => {
    const edge = new TestEdge({ upstream: answering() });
    expect((await edge.chat()).status).toBe(200);
    edge.serve(oneBackend({ consumers: { [KEY_DIGEST]: consumerEntry({ allowedModels: ['other'] }) } }), 'next');
    expect((await edge.chat()).status).toBe(403);
  });

  test('whose owner cannot be looked up at the moment is answered 503, never 401', async () => {
    const table = tableOfEntries(oneBackend());
    const consumer = () => Promise.reject(new TableUnavailable('missing-blob', 'a part of the table is missing'));
    const edge = new TestEdge({ upstream: answering(), tables: { table: () => ({ ...table, consumer }) } });
    expect(await errorOf(await edge.chat())).toMatchObject({ status: 503, code: 'not_ready' });
  });
});

describe('a consumer', () => {
  const withModels = (allowedModels: string[]): Entries =>
    oneBackend({
      routes: { 'default/main': routeEntry({ models: { demo: 'default/demo', alias: 'default/demo' } }) },
      models: { 'default/demo': modelEntry({ aliases: ['alias'] }) },
      consumers: { [KEY_DIGEST]: consumerEntry({ allowedModels }) },
    });

  test.each([
    [['other'], 'demo', 403],
    [[], 'demo', 403],
    [['dem'], 'demo', 403],
    [['demo'], 'demo', 200],
    [['de*'], 'demo', 200],
    [['alias'], 'alias', 200],
    [['alias'], 'demo', 403],
    [['demo'], 'alias', 200],
  ])('that may use %o and asks for %s is answered %i', async (allowed, model, status) => {
    const edge = new TestEdge({ upstream: answering(), entries: withModels(allowed) });
    expect((await edge.chat({ model })).status).toBe(status);
  });

  test('that may not use a model is told so, and where to look', async () => {
    const edge = new TestEdge({ upstream: answering(), entries: withModels([]) });
    expect(await errorOf(await edge.chat())).toMatchObject({
      status: 403,
      code: 'model_not_allowed',
      param: 'model',
      message: 'This API key may not use the model `demo`. GET /v1/models lists those it may use.',
    });
  });

  test("learns nothing of other tenants' models: they do not exist for it", async () => {
    const routes = { 'rivals/main': routeEntry({ consumers: ['rivals'], models: { secret: 'default/demo' } }) };
    const edge = new TestEdge({ upstream: answering(), entries: oneBackend({ routes }) });
    const theirs = await errorOf(await edge.chat({ model: 'secret' }));
    const nobodys = await errorOf(await edge.chat({ model: 'public' }));
    expect(theirs.status).toBe(404);
    expect({ ...theirs, message: theirs.message.replace('secret', 'public') }).toEqual(nobodys);
  });
});

describe('a route that asks for no key', () => {
  test.each<[string, Record<string, string>]>([
    ['without a key', {}],
    ['with a key that is unknown', { authorization: 'Bearer wrong' }],
  ])('answers a caller %s', async (_, headers) => {
    const edge = new TestEdge({ upstream: answering(), entries: oneBackend({ routes: anonymousRoute }) });
    expect((await asking(edge, headers)).status).toBe(200);
    expect(await edge.record()).toMatchObject({ 'fairlead.outcome': 'completed', 'fairlead.consumer': undefined });
  });

  test('opens no other route, and lets nobody find out what models those have', async () => {
    const entries = oneBackend({
      routes: { ...anonymousRoute, 'default/closed': routeEntry({ models: { closed: 'default/demo' } }) },
    });
    const edge = new TestEdge({ upstream: answering(), entries });
    const closed = await errorOf(await asking(edge, {}, { model: 'closed' }));
    const nobodys = await errorOf(await asking(edge, {}, { model: 'nobody' }));
    expect(closed).toMatchObject({ status: 401, code: 'invalid_api_key' });
    expect({ ...closed, message: closed.message.replace('closed', 'nobody') }).toEqual(nobodys);
  });

  test('opens only its own host and path', async () => {
    const routes = {
      'default/open': routeEntry({ authentication: 'Anonymous', pathPrefix: '/open', hostnames: ['open.example.com'] }),
      'default/main': routeEntry(),
    };
    const edge = new TestEdge({ upstream: answering(), entries: oneBackend({ routes }) });
    const status = async (url: string) =>
      (await edge.request(url, { method: 'POST', body: JSON.stringify(CHAT) })).status;
    expect(await status(`https://open.example.com/open${PATH}`)).toBe(200);
    expect(await status(`https://open.example.com${PATH}`)).toBe(401);
    expect(await status(`https://edge.example.com/open${PATH}`)).toBe(401);
  });
});

describe('what is of one side only', () => {
  const ofTheCaller = {
    authorization: `Bearer ${KEY}`,
    'x-api-key': 'x',
    'api-key': 'x',
    'x-goog-api-key': 'x',
    'proxy-authorization': 'Basic x',
    cookie: 'session=x',
    'openai-organization': 'org-x',
    'openai-project': 'proj-x',
    'cf-connecting-ip': '192.0.2.1',
    'cf-ipcountry': 'XX',
    'cf-aig-authorization': 'Bearer x',
    forwarded: 'for=192.0.2.1',
    'x-forwarded-for': '192.0.2.1',
    'x-forwarded-host': 'x',
    'x-real-ip': '192.0.2.1',
    'true-client-ip': '192.0.2.1',
    'x-fairlead-backend': 'x',
    connection: 'close, x-hop',
    'x-hop': 'x',
    te: 'trailers',
    'accept-encoding': 'gzip',
    origin: 'https://app.example.com',
    referer: 'https://app.example.com/',
    'sec-fetch-mode': 'cors',
  };

  test.each<[string, ProviderEntry['auth'], string | null]>([
    ['with a key of its own', { credential: { type: 'WorkerSecret', name: 'FIRST_KEY' } }, `Bearer ${UPSTREAM_KEY}`],
    ['without a key', undefined, null],
  ])("the caller's never reaches a provider %s", async (_, auth, authorization) => {
    const upstream = answering();
    const first = providerEntry(auth && { auth });
    const edge = new TestEdge({ upstream, entries: oneBackend({ providers: { 'default/first': first } }) });
    expect((await asking(edge, ofTheCaller)).status).toBe(200);
    const { headers } = upstream.call;
    expect(headers.get('authorization')).toBe(authorization);
    expect([...headers.keys()].filter((name) => name in ofTheCaller && name !== 'authorization')).toEqual([]);
  });

  test("the provider's never reaches the caller", async () => {
    const headers = {
      'set-cookie': '__cf_bm=x',
      'openai-organization': 'org-x',
      'cf-ray': 'x',
      'x-fairlead-backend': 'x',
      'x-fairlead-revision': 'x',
      'x-request-id': 'req_x',
      'access-control-allow-origin': '*',
      'strict-transport-security': 'max-age=1',
      'alt-svc': 'h3=x',
      server: 'x',
      connection: 'x-hop',
      'x-hop': 'x',
    };
    const upstream = new FakeUpstream().on('first.example', answers(completion(), { headers }));
    const response = await new TestEdge({ upstream }).chat();
    const kept = [...response.headers].filter(([name]) => name in headers);
    expect(Object.fromEntries(kept)).toEqual({
      'x-request-id': 'made-1',
      'x-fairlead-revision': 'abcdef012345',
      'x-fairlead-backend': 'first',
    });
  });
});

describe('neither log nor error holds', () => {
  test('what was asked and answered, or a key', async () => {
    const edge = new TestEdge({ upstream: answering() });
    await edge.chat({ user: 'someone@example.com' });
    expect(JSON.stringify(await edge.record())).not.toMatch(
      new RegExp([KEY, UPSTREAM_KEY, QUESTION, SAID, 'someone@', KEY_DIGEST].join('|')),
    );
  });

  test.each([401, 403, 429, 500, 400])("the provider's key, which it quotes in a %i", async (status) => {
    const message = `Incorrect API key provided: ${UPSTREAM_KEY}.`;
    const answer = refuses(status, { message, code: UPSTREAM_KEY });
    const edge = new TestEdge({ upstream: new FakeUpstream().on('first.example', answer) });
    expect(await (await edge.chat()).text()).not.toContain(UPSTREAM_KEY);
    expect(JSON.stringify(await edge.record())).not.toContain(UPSTREAM_KEY);
  });

  test('a key that no header can carry', async () => {
    const upstream = answering();
    const workerSecret = () => 'first line\nsecond line';
    const edge = new TestEdge({ upstream, credentials: { workerSecret } });
    expect(await (await edge.chat()).text()).not.toContain('line');
    expect(JSON.stringify(await edge.record())).not.toContain('line');
    expect(upstream.calls).toEqual([]);
  });
});

describe('nothing is sent', () => {
  const at = (baseURL: string, change: Partial<ProviderEntry> = {}) =>
    oneBackend({ providers: { 'default/first': providerEntry({ baseURL, ...change }) } });

  test.each([
    ['in plain text', 'http://api.example.com/v1'],
    ['to this machine', 'https://127.0.0.1/v1'],
    ['to this machine by name', 'https://localhost/v1'],
    ['to a private network', 'https://10.1.2.3/v1'],
    ['to a metadata service', 'https://169.254.169.254/latest'],
    ['to a private IPv6 address', 'https://[fd00::1]/v1'],
    ['to an IPv4 address in IPv6', 'https://[::ffff:10.0.0.1]/v1'],
    ['to an address in hexadecimal', 'https://0x7f000001/v1'],
    ['by another protocol', 'ftp://api.example.com/v1'],
  ])('%s', async (_, baseURL) => {
    const upstream = new FakeUpstream();
    const edge = new TestEdge({ upstream, entries: at(baseURL) });
    const response = await edge.chat();
    expect(response.headers.get('x-should-retry')).toBe('false');
    const error = await errorOf(response);
    expect(error).toMatchObject({ status: 502, code: 'upstream_misconfigured' });
    expect(error.message).toContain('default/first');
    expect(error.message).not.toContain(new URL(baseURL).hostname);
    expect(upstream.calls).toEqual([]);
    expect((await edge.record())['fairlead.error.detail']).toMatch(/^its baseURL is /);
  });

  test('unless the EdgeGateway allows it', async () => {
    const upstream = new FakeUpstream().on('127.0.0.1:8000', answers(completion()));
    const allow = { privateAddresses: true, plainText: true };
    const edge = new TestEdge({ upstream, entries: at('http://127.0.0.1:8000/v1', { allow }) });
    expect((await edge.chat()).status).toBe(200);
  });

  test.each([
    ['a secret that the worker does not have', 'MISSING_KEY'],
    ["one of the gateway's own keys", 'FAIRLEAD_SEALING_KEYS'],
  ])('with %s', async (_, name) => {
    const upstream = answering();
    const auth = { credential: { type: 'WorkerSecret' as const, name } };
    const workerSecret = (asked: string) => (asked === 'MISSING_KEY' ? undefined : 'private');
    const entries = oneBackend({ providers: { 'default/first': providerEntry({ auth }) } });
    const edge = new TestEdge({ upstream, entries, credentials: { workerSecret } });
    expect(await errorOf(await edge.chat())).toMatchObject({ status: 502, code: 'upstream_misconfigured' });
    expect(upstream.calls).toEqual([]);
    expect((await edge.record())['fairlead.error.detail']).toMatch(`the worker has no secret ${name}`);
  });

  test('with a sealed secret that is not in the table', async () => {
    const upstream = answering();
    const auth = { credential: { type: 'Sealed' as const, id: await sha256Hex('x') } };
    const entries = oneBackend({ providers: { 'default/first': providerEntry({ auth }) } });
    const edge = new TestEdge({ upstream, entries });
    expect(await errorOf(await edge.chat())).toMatchObject({ status: 502, code: 'upstream_misconfigured' });
    expect(upstream.calls).toEqual([]);
  });

  test('to where a redirect leads: the next backend is asked instead', async () => {
    const location = 'https://169.254.169.254/latest';
    const upstream = new FakeUpstream()
      .on('first.example', () => new Response(null, { status: 308, headers: { location } }))
      .on('second.example', answers(completion()));
    const response = await new TestEdge({ upstream, entries: twoBackends() }).chat();
    expect(response.headers.get('location')).toBeNull();
    expect(upstream.hosts).toEqual(['first.example', 'second.example']);
  });
});

test('a name that is given twice is replaced twice, so that no provider reads another model than was decided on', async () => {
  const upstream = answering();
  const body = '{"model":"expensive","messages":[{"role":"user","content":"hi"}],"mod\\u0065l":"demo"}';
  expect((await new TestEdge({ upstream }).post(PATH, body)).status).toBe(200);
  expect(upstream.call.text).toBe(
    '{"model":"upstream-demo","messages":[{"role":"user","content":"hi"}],"mod\\u0065l":"upstream-demo"}',
  );
});
