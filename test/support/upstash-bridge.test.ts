import { Redis } from '@upstash/redis';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { isRedisServerMissing, startRedisServer, type RedisServer } from './redis-server.ts';
import { startUpstashBridge, type UpstashBridge } from './upstash-bridge.ts';

describe.skipIf(isRedisServerMissing())("Upstash's REST protocol in front of a real Redis", () => {
  let server: RedisServer;
  let bridge: UpstashBridge;
  beforeAll(async () => {
    server = await startRedisServer();
    bridge = await startUpstashBridge({ socket: server.socket });
  });
  afterAll(async () => {
    await bridge.stop();
    await server.stop();
  });
  beforeEach(async () => {
    await bridge.command('FLUSHALL');
    bridge.requests.length = 0;
  });

  const sdk = (token = bridge.token) =>
    new Redis({ url: bridge.url, token, retry: { retries: 0 }, enableTelemetry: false });

  interface RestCall {
    readonly method?: string;
    readonly body?: string;
    readonly headers?: Readonly<Record<string, string>>;
  }

  async function rest(path: string, call: RestCall = {}): Promise<{ status: number; body: unknown }> {
    const headers = { authorization: `Bearer ${bridge.token}`, ...call.headers };
    const response = await fetch(bridge.url + path, { ...call, headers });
    return { status: response.status, body: await response.json() };
  }
  const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
    rest(path, { method: 'POST', body: JSON.stringify(body), headers });

  describe('with the SDK', () => {
    test('strings, numbers, nulls and hashes come back as they were put', async () => {
      const redis = sdk();
      expect(await redis.set('text', 'grüße €')).toBe('OK');
      expect(await redis.get('text')).toBe('grüße €');
      expect(await redis.get('nothing')).toBeNull();
      expect(await redis.incrby('count', 7)).toBe(7);
      await redis.hset('hash', { a: 'x', b: 2 });
      expect(await redis.hgetall('hash')).toEqual({ a: 'x', b: 2 });
      expect(await redis.mget('text', 'nothing')).toEqual(['grüße €', null]);
      await redis.zadd('scores', { score: 1.5, member: 'one' });
      expect(await redis.zscore('scores', 'one')).toBe(1.5);
    });

    test('an expiry is set and told', async () => {
      const redis = sdk();
      await redis.set('brief', 'x', { ex: 100 });
      expect(await redis.ttl('brief')).toBeGreaterThan(90);
    });

    test('commands that are given in one go travel in one pipeline', async () => {
      const redis = sdk();
      await Promise.all([redis.set('a', 1), redis.set('b', 2), redis.incr('a')]);
      expect(bridge.requests.map(({ path }) => path)).toEqual(['/pipeline']);
    });

    test('a pipeline tells each error in its place and goes on', async () => {
      const answers = await sdk()
        .pipeline()
        .set('text', 'no number')
        .incr('text')
        .incr('count')
        .exec({ keepErrors: true });
      expect(answers[1]?.error).toBe('ERR value is not an integer or out of range');
      expect(answers[2]).toEqual({ error: undefined, result: 1 });
    });

    test('a transaction is carried out whole, and one of another client does not come between', async () => {
      const redis = sdk();
      const both = await Promise.all(
        [1, 2].map((n) => redis.multi().incrby('n', n).incrby('n', 10).incrby('n', 100).exec<number[]>()),
      );
      expect(both.map(([first = 0, , last = 0]) => last - first)).toEqual([110, 110]);
      expect(await redis.get('n')).toBe(223);
    });

    test('a script answers with numbers and nested arrays, and a loaded one runs by its digest', async () => {
      const redis = sdk();
      expect(await redis.eval('return {1, {"a", {KEYS[1]}}, ARGV[1], false}', ['k'], ['v'])).toEqual([
        1,
        ['a', ['k']],
        'v',
        null,
      ]);
      const digest = await redis.scriptLoad('return redis.call("INCRBY", KEYS[1], ARGV[1])');
      expect(await redis.evalsha(digest, ['count'], [5])).toBe(5);
      await expect(redis.evalsha('0'.repeat(40), [], [])).rejects.toThrow('NOSCRIPT');
    });

    test('a wrong token is told as such', async () => {
      await expect(sdk('another').get('a')).rejects.toThrow('WRONGPASS');
    });
  });

  describe('on the wire', () => {
    test.each([
      ['a command in the body', () => post('/', ['SET', 'foo', 'bar', 'EX', 100])],
      ['a command in the path', () => rest('/set/foo/bar/EX/100')],
      ['a value in the body and options in the query', () => rest('/set/foo?EX=100', { method: 'POST', body: 'bar' })],
    ])('%s is carried out', async (_, call) => {
      expect(await call()).toEqual({ status: 200, body: { result: 'OK' } });
      expect(String(await bridge.command('GET', 'foo'))).toBe('bar');
      expect(await bridge.command('TTL', 'foo')).toBeGreaterThan(90);
    });

    test('the token may stand in the query, where it is no argument', async () => {
      const response = await fetch(`${bridge.url}/set/foo/a%2Fb?_token=${bridge.token}`);
      expect(await response.json()).toEqual({ result: 'OK' });
      expect(String(await bridge.command('GET', 'foo'))).toBe('a/b');
    });

    test('base64 covers every string, however deep, but for OK, and no number and no null', async () => {
      const encoded = { 'upstash-encoding': 'base64' };
      const script = 'return {1, {"a", {"b"}}, false, redis.status_reply("PONG")}';
      expect((await post('/', ['EVAL', script, 0], encoded)).body).toEqual({
        result: [1, ['YQ==', ['Yg==']], null, 'UE9ORw=='],
      });
      expect(
        (
          await post(
            '/pipeline',
            [
              ['SET', 'k', 'OK'],
              ['GET', 'k'],
              ['INCR', 'k'],
            ],
            encoded,
          )
        ).body,
      ).toEqual([{ result: 'OK' }, { result: 'T0s=' }, { error: 'ERR value is not an integer or out of range' }]);
    });

    test('bytes that are no UTF-8 survive in base64', async () => {
      await post('/', ['SETBIT', 'bits', 0, 1]);
      expect((await post('/', ['GET', 'bits'], { 'upstash-encoding': 'base64' })).body).toEqual({ result: 'gA==' });
    });

    test.each([
      ['no token', () => fetch(`${bridge.url}/get/foo`), 401, 'Unauthorized'],
      ['a failing command', () => post('/', ['GET']), 400, "ERR wrong number of arguments for 'get' command"],
      [
        'a command of connections',
        () => post('/', ['SUBSCRIBE', 'a']),
        400,
        "ERR Command is not available: 'SUBSCRIBE'",
      ],
      ['a body that is no command', () => post('/', { SET: 'foo' }), 400, 'ERR failed to parse command'],
      [
        'a pipeline that is none',
        () => post('/pipeline', ['SET', 'a', 'b']),
        400,
        'ERR failed to parse pipeline request',
      ],
      ['another method', () => rest('/get/foo', { method: 'DELETE' }), 405, 'Method not allowed'],
    ])('%s is refused', async (_, call, status, error) => {
      const answer = await call();
      const body: unknown = answer instanceof Response ? await answer.json() : answer.body;
      expect({ status: answer.status, body }).toEqual({ status, body: { error } });
    });

    test('a transaction with a command that does not exist is discarded whole', async () => {
      const { status, body } = await post('/multi-exec', [['SET', 'a', 1], ['NOSUCH']]);
      expect(status).toBe(400);
      expect(body).toEqual({ error: 'EXECABORT Transaction discarded because of previous errors.' });
      expect(await bridge.command('EXISTS', 'a')).toBe(0);
    });

    test('a transaction tells errors of its commands in their places', async () => {
      const { status, body } = await post('/multi-exec', [
        ['SET', 'a', 'x'],
        ['INCR', 'a'],
        ['GET', 'a'],
      ]);
      expect(status).toBe(200);
      expect(body).toEqual([
        { result: 'OK' },
        { error: 'ERR value is not an integer or out of range' },
        { result: 'x' },
      ]);
    });
  });
});
