import { afterEach, describe, expect, test } from 'vitest';
import { INBOX_TTL_SECONDS } from '../../../contract/storage-keys.ts';
import { createRetrying } from '../../../sync-agent/publish/backoff.ts';
import { createCloudflareKvStore, type CloudflareKvOptions } from '../../../sync-agent/publish/cloudflare-kv.ts';
import type { InboxEntry } from '../../../sync-agent/publish/inbox-carrier.ts';
import {
  startCloudflareKvServer,
  type CloudflareKvServer,
  type CloudflareKvServerOptions,
} from '../../support/cloudflare-kv-server.ts';
import { impatientClock } from '../support/edge-bench.ts';
import { failureOf } from '../support/failure-of.ts';

const never = new AbortController().signal;
const entry = (key: string, size = 3): InboxEntry => ({ key, bytes: new Uint8Array(size).fill(255) });

describe('writing to Workers KV', () => {
  const servers: CloudflareKvServer[] = [];
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.stop();
  });

  async function kv(
    serverOptions: Partial<CloudflareKvServerOptions> = {},
    storeOptions: Partial<CloudflareKvOptions> = {},
  ) {
    const clock = impatientClock();
    const server = await startCloudflareKvServer({ clock, ...serverOptions });
    servers.push(server);
    const retrying = createRetrying({ clock, random: () => 0.5 });
    const { apiURL, accountId, namespaceId, apiToken } = server;
    const place = { apiURL, accountId, namespaceId, apiToken, ...storeOptions };
    const store = createCloudflareKvStore({ ...place, fetch, clock, retrying, timeoutMs: 60_000 });
    return { clock, server, store };
  }

  test('values arrive as bytes, texts as they are, and both are forgotten after a week', async () => {
    const { clock, server, store } = await kv();
    await store.put([entry('blob'), { key: 'latest', text: 'a.b.c' }], never);
    expect([...((await server.store.get('blob')) ?? [])]).toEqual([255, 255, 255]);
    expect(new TextDecoder().decode(await server.store.get('latest'))).toBe('a.b.c');
    await clock.wait(INBOX_TTL_SECONDS * 1000 - 1, never);
    expect(await server.store.list('')).toHaveLength(2);
    await clock.wait(1, never);
    expect(await server.store.list('')).toEqual([]);
  });

  test('what is there is told from what is not', async () => {
    const { store } = await kv();
    await store.put([entry('inbox/a/revision/x')], never);
    expect(await store.has('inbox/a/revision/x', never)).toBe(true);
    expect(await store.has('inbox/a/revision/y', never)).toBe(false);
  });

  test('more than 10,000 pairs, or more than a request carries, go in several requests', async () => {
    const { server, store } = await kv();
    await store.put(
      Array.from({ length: 10_001 }, (_, i) => entry(`small/${i}`)),
      never,
    );
    expect(server.requests.map(({ status }) => status)).toEqual([200, 200]);
    await store.put(
      Array.from({ length: 20 }, (_, i) => entry(`large/${i}`, 1_000_000)),
      never,
    );
    expect(server.requests).toHaveLength(4);
    expect(await server.store.list('')).toHaveLength(10_021);
  });

  test('a key that is written twice within a second waits for the second, and is refused nothing', async () => {
    const { clock, server, store } = await kv();
    await store.put([entry('latest')], never);
    await store.put([entry('other')], never);
    expect(clock.waits).toEqual([]);
    await store.put([entry('latest')], never);
    expect(clock.waits).toEqual([1000]);
    expect(server.requests.map(({ status }) => status)).toEqual([200, 200, 200]);
  });

  test('a key that somebody else has just written is written after the pause that is asked for', async () => {
    const { clock, server, store } = await kv();
    const { store: another } = await kv({}, { ...server });
    await another.put([entry('latest')], never);
    await store.put([entry('latest')], never);
    expect(server.requests.map(({ status }) => status)).toEqual([200, 429, 200]);
    expect(clock.waits).toEqual([1000]);
  });

  test('keys that a bulk write did not get through are written again, and only those', async () => {
    const { server, store } = await kv({ unsuccessful: (key, number) => key === 'b' && number === 1 });
    await store.put([entry('a'), entry('b'), entry('c')], never);
    expect(await server.store.list('')).toEqual(['a', 'b', 'c']);
    const [first, second] = server.requests;
    expect(second?.bytes).toBeLessThan((first?.bytes ?? 0) / 2);
  });

  test('keys that never get through end in a failure that counts them', async () => {
    const { store } = await kv({ unsuccessful: (key) => key === 'b' });
    const failure = await failureOf(store.put([entry('a'), entry('b')], never));
    expect(failure.fault).toBe('store-failing');
    expect(failure.message).toMatch(/^the KV namespace [0-9a-f]+ did not take 1 of 2 keys$/);
  });

  test('once the API blocks everything for five minutes, it is left alone for as long', async () => {
    const { clock, server, store } = await kv();
    for (let i = 0; i < 1200; i++) await store.has('a', never);
    const failure = await failureOf(store.put([entry('a')], never));
    expect(failure).toMatchObject({ fault: 'store-failing', retryAfterMs: 300_000 });
    expect(failure.message).toContain('Cloudflare takes no more requests just now (429, 971: Please wait');
    const asked = server.requests.length;
    const next = await failureOf(store.put([entry('a')], never));
    expect(next.message).toMatch(/^Cloudflare's API asked to be left alone until 2026-11-01T00:05:00/);
    expect(server.requests).toHaveLength(asked);
    await clock.wait(300_000, never);
    await store.put([entry('a')], never);
    expect(await server.store.list('')).toEqual(['a']);
  });

  test.each([
    [
      'a token that Cloudflare does not know',
      { apiToken: 'unknown-token-0123456789-0123456789-0123456789' },
      /^Cloudflare does not take the API token for the KV namespace f[0-9a-f]+ \(403, 10000: Authentication error\): apiTokenSecretRef of EdgeGateway\.spec\.publish\.cloudflareKV must name a token with the permission Workers KV Storage: Edit on the account 0123456789abcdef0123456789abcdef$/,
    ],
    [
      'a token that is none',
      { apiToken: 'short' },
      /^Cloudflare does not take the API token .* \(400, 6003: Invalid request headers\)/,
    ],
    [
      'a namespace that does not exist',
      { namespaceId: 'abcdabcdabcdabcdabcdabcdabcdabcd' },
      /^Cloudflare knows no KV namespace abcdabcdabcdabcdabcdabcdabcdabcd in the account 0123456789abcdef0123456789abcdef \(404, 10013: .*\): both, of EdgeGateway\.spec\.publish\.cloudflareKV, must be those of the namespace that the worker binds as TABLE_KV$/,
    ],
  ])('%s is named, at once and without its token', async (_, options, message) => {
    const { server, store } = await kv({}, options);
    const failure = await failureOf(store.put([entry('a')], never));
    expect(failure.fault).toBe('store-refuses');
    expect(failure.message).toMatch(message);
    expect(server.requests).toHaveLength(1);
  });

  test('a token that an answer quotes is not repeated', async () => {
    const { store } = await kv({
      mishap: () => new Response(`${'x'.repeat(140)} is cf-token-of-tests-0123456789abcdef01234567`, { status: 400 }),
    });
    const failure = await failureOf(store.put([entry('a')], never));
    expect(failure.message).toContain('x is …');
    expect(failure.message).not.toContain('cf-');
  });

  test('what answers 200 and is not the API is told as such', async () => {
    const { store } = await kv({ mishap: () => new Response('<html>Welcome</html>') });
    const failure = await failureOf(store.put([entry('a')], never));
    expect(failure.fault).toBe('store-refuses');
    expect(failure.message).toContain('<html>Welcome</html>');
  });
});
