import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { KV_LIMITS, startCloudflareKvServer, type CloudflareKvServer } from './cloudflare-kv-server.ts';

const MINUTE_MS = 60_000;

describe("Cloudflare's REST API of a KV namespace", () => {
  let now = 0;
  let server: CloudflareKvServer;
  beforeEach(async () => {
    now = Date.parse('2026-11-01T00:00:00Z');
    server = await startCloudflareKvServer({ clock: { now: () => now } });
  });
  afterEach(() => server.stop());

  interface CallOptions {
    readonly token?: string;
    readonly namespace?: string;
    readonly account?: string;
  }

  function call(method: string, path: string, body?: unknown, options: CallOptions = {}): Promise<Response> {
    const { token = server.apiToken, namespace = server.namespaceId, account = server.accountId } = options;
    return fetch(`${server.apiURL}/accounts/${account}/storage/kv/namespaces/${namespace}/${path}`, {
      method,
      headers: { authorization: `Bearer ${token}` },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  }

  async function refusalOf(response: Response): Promise<unknown[]> {
    const { success, errors }: { success: boolean; errors: { code: number }[] } = JSON.parse(await response.text());
    expect(success).toBe(false);
    return [response.status, errors[0]?.code, response.headers.get('retry-after')];
  }

  const put = (...pairs: unknown[]) => call('PUT', 'bulk', pairs);

  test('pairs are put in bulk, read one by one, listed and deleted', async () => {
    const response = await put({ key: 'a/1', value: 'text' }, { key: 'a/2', value: '/wA=', base64: true });
    expect(await response.json()).toEqual({
      success: true,
      errors: [],
      messages: [],
      result: { successful_key_count: 2, unsuccessful_keys: [] },
    });
    expect(await (await call('GET', `values/${encodeURIComponent('a/1')}`)).text()).toBe('text');
    const binary = await (await call('GET', `values/${encodeURIComponent('a/2')}`)).arrayBuffer();
    expect([...new Uint8Array(binary)]).toEqual([255, 0]);
    expect(await (await call('GET', 'keys?prefix=a/')).json()).toMatchObject({
      result: [{ name: 'a/1' }, { name: 'a/2' }],
    });
    expect((await call('DELETE', 'bulk', ['a/1'])).ok).toBe(true);
    expect(await refusalOf(await call('GET', `values/${encodeURIComponent('a/1')}`))).toEqual([404, 10009, null]);
  });

  test('a value is gone once its time is up', async () => {
    await put({ key: 'a', value: 'x', expiration_ttl: 60 });
    now += MINUTE_MS;
    expect((await call('GET', 'values/a')).status).toBe(404);
  });

  test.each([
    ['a token that is not well formed', { token: 'short' }, 400, 6003],
    ['an unknown token', { token: 'x'.repeat(40) }, 403, 10000],
    ['another account', { account: 'f'.repeat(32) }, 403, 10000],
    ['another namespace', { namespace: 'f'.repeat(32) }, 404, 10013],
  ])('%s is refused', async (_, options, status, code) => {
    expect(await refusalOf(await call('PUT', 'bulk', [], options))).toEqual([status, code, null]);
  });

  test.each([
    ['more than 10,000 pairs', () => Array.from({ length: 10_001 }, (_, i) => ({ key: `${i}`, value: '' })), 400],
    ['a key of more than 512 bytes', () => [{ key: 'ü'.repeat(257), value: '' }], 414],
    ['a value of more than 25 MiB', () => [{ key: 'a', value: 'x'.repeat(KV_LIMITS.valueBytes + 1) }], 413],
    ['less than a minute to live', () => [{ key: 'a', value: '', expiration_ttl: 59 }], 400],
    ['no value', () => [{ key: 'a' }], 400],
  ])('a bulk write with %s is refused whole', async (_, pairs, status) => {
    const response = await put({ key: 'good', value: 'x' }, ...pairs());
    expect(response.status).toBe(status);
    expect(await server.store.list('')).toEqual([]);
  });

  test('a body of more than 100 MB is refused', async () => {
    const value = 'x'.repeat(24 * 1024 * 1024);
    const response = await put(...['a', 'b', 'c', 'd'].map((key) => ({ key, value })));
    expect(response.status).toBe(413);
  });

  test('a key is written once a second', async () => {
    await put({ key: 'a', value: '1' });
    now += 999;
    expect(await refusalOf(await put({ key: 'b', value: '2' }, { key: 'a', value: '2' }))).toEqual([429, 10429, '1']);
    now += 1;
    expect((await put({ key: 'a', value: '2' })).ok).toBe(true);
  });

  test('more than 1,200 requests in five minutes block all for five minutes', async () => {
    for (let i = 0; i < KV_LIMITS.requests; i++) await call('GET', 'values/a');
    expect(await refusalOf(await call('GET', 'values/a'))).toEqual([429, 971, '300']);
    now += 4 * MINUTE_MS;
    expect(await refusalOf(await call('GET', 'values/a'))).toEqual([429, 971, '60']);
    now += MINUTE_MS;
    expect((await call('GET', 'values/a')).status).toBe(404);
  });
});
