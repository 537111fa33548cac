import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { INBOX_TTL_SECONDS } from '../../../contract/storage-keys.ts';
import { createRetrying } from '../../../sync-agent/publish/backoff.ts';
import type { InboxEntry } from '../../../sync-agent/publish/inbox-carrier.ts';
import { createUpstashRedisStore, type UpstashRedisOptions } from '../../../sync-agent/publish/upstash-redis.ts';
import { isRedisServerMissing, startRedisServer, type RedisServer } from '../../support/redis-server.ts';
import { startUpstashBridge, type UpstashBridge } from '../../support/upstash-bridge.ts';
import { impatientClock } from '../support/edge-bench.ts';
import { failureOf } from '../support/failure-of.ts';

const never = new AbortController().signal;
const entry = (key: string, size = 3): InboxEntry => ({ key, bytes: new Uint8Array(size).fill(255) });

describe.skipIf(isRedisServerMissing())('writing to Redis by the REST protocol of Upstash', () => {
  let server: RedisServer;
  let bridge: UpstashBridge;
  beforeAll(async () => {
    server = await startRedisServer();
  });
  afterAll(() => server.stop());
  beforeEach(async () => {
    bridge = await startUpstashBridge({ socket: server.socket, maxRequestBytes: 1_000_000 });
    await bridge.command('FLUSHALL');
  });
  afterEach(() => bridge.stop());

  function redis(options: Partial<UpstashRedisOptions> = {}) {
    const clock = impatientClock();
    const retrying = createRetrying({ clock, random: () => 0.5 });
    const { url, token } = bridge;
    const place = { url, token, edge: 'https://edge.test', fetch, ...options };
    return createUpstashRedisStore({ ...place, clock, retrying, timeoutMs: 60_000 });
  }

  test('blobs arrive as base64, texts as they are, each edge under its own names, for a week', async () => {
    await redis().put([entry('blob'), { key: 'latest', text: 'a.b.c' }], never);
    expect(await bridge.command('GET', 'fairlead:https://edge.test:blob')).toBe('////');
    expect(await bridge.command('GET', 'fairlead:https://edge.test:latest')).toBe('a.b.c');
    expect(await bridge.command('TTL', 'fairlead:https://edge.test:blob')).toBeGreaterThan(INBOX_TTL_SECONDS - 60);
    expect(await bridge.command('TTL', 'fairlead:https://edge.test:latest')).toBeGreaterThan(INBOX_TTL_SECONDS - 60);
  });

  test('what is there is told from what is not', async () => {
    const store = redis();
    await store.put([entry('a')], never);
    expect(await store.has('a', never)).toBe(true);
    expect(await store.has('b', never)).toBe(false);
  });

  test('many blobs travel in requests of less than a megabyte', async () => {
    await redis().put(
      Array.from({ length: 40 }, (_, i) => entry(`blob/${i}`, 64 * 1024)),
      never,
    );
    expect(await bridge.command('DBSIZE')).toBe(40);
    expect(bridge.requests.length).toBeLessThanOrEqual(4);
    expect(Math.max(...bridge.requests.map(({ bytes }) => bytes))).toBeLessThan(1_000_000);
  });

  test.each([
    [
      '',
      'EdgeGateway.spec.publish.upstashRedis.url is no URL: it must be the UPSTASH_REDIS_REST_URL of the database, as https://….upstash.io',
    ],
    ['eu1-x.upstash.io', 'upstashRedis.url is no URL'],
    ['redis://eu1-x.upstash.io:6379', 'upstashRedis.url is no URL'],
  ])('the URL %j is refused before anything is sent', (url, message) => {
    expect(() => redis({ url })).toThrow(message);
  });

  test('a wrong token is named without being quoted', async () => {
    const failure = await failureOf(redis({ token: 'AX-a-wrong-one' }).put([entry('a')], never));
    expect(failure.fault).toBe('store-refuses');
    expect(failure.message).toMatch(
      /^the Redis database 127\.0\.0\.1:\d+ does not take the token \(401, WRONGPASS invalid or missing auth token\): tokenSecretRef of EdgeGateway\.spec\.publish\.upstashRedis must name this database's UPSTASH_REDIS_REST_TOKEN$/,
    );
  });

  test('a token that may only read is told what it lacks', async () => {
    await bridge.command('ACL', 'SETUSER', 'default', '-set');
    try {
      const failure = await failureOf(redis().put([entry('a')], never));
      expect(failure.fault).toBe('store-refuses');
      expect(failure.message).toContain('does not let this token write (200, NOPERM');
    } finally {
      await bridge.command('ACL', 'SETUSER', 'default', '+@all');
    }
  });

  test('a full database is tried again, and told', async () => {
    await bridge.command('CONFIG', 'SET', 'maxmemory', '1');
    try {
      const failure = await failureOf(redis().put([entry('a')], never));
      expect(failure.fault).toBe('store-failing');
      expect(failure.message).toContain('OOM command not allowed');
      expect(bridge.requests).toHaveLength(3);
    } finally {
      await bridge.command('CONFIG', 'SET', 'maxmemory', '0');
    }
  });

  test('a value that is too large for the database is told with its own words, at once', async () => {
    const failure = await failureOf(redis().put([entry('a', 1_000_000)], never));
    expect(failure.fault).toBe('store-refuses');
    expect(failure.message).toContain(
      'does not take the table (400, ERR max request size exceeded. Limit: 1000000 bytes',
    );
    expect(bridge.requests).toHaveLength(1);
  });

  test('what does not speak the protocol is told as such', async () => {
    const welcome = () => Promise.resolve(new Response('<html>Welcome</html>'));
    const failure = await failureOf(redis({ fetch: welcome }).put([entry('a')], never));
    expect(failure.fault).toBe('store-refuses');
    expect(failure.message).toContain("does not speak Upstash's REST protocol (200, <html>Welcome</html>)");
  });
});
