import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { MAX_BUCKET_BYTES, MAX_POINTER_LENGTH } from '../../contract/buckets.ts';
import { sha256Hex } from '../../contract/encoding.ts';
import { inboxBlobKey, inboxLatestKey, inboxRevisionKey, redisKey } from '../../contract/storage-keys.ts';
import { redisInbox } from '../../worker/table/inbox-redis.ts';
import type { Inbox } from '../../worker/table/inbox.ts';
import { isRedisServerMissing, startRedisServer, type RedisServer } from '../support/redis-server.ts';
import { startUpstashBridge, type UpstashBridge } from '../support/upstash-bridge.ts';

const EDGE = 'https://edge.example.com';

/** What the hub reads of an inbox in Redis, asked of a real one. */
describe.skipIf(isRedisServerMissing())('an inbox in Redis', () => {
  let redis: RedisServer;
  let bridge: UpstashBridge;
  let inbox: Inbox;
  beforeAll(async () => {
    redis = await startRedisServer();
    bridge = await startUpstashBridge({ socket: redis.socket });
    inbox = redisInbox({ edge: EDGE, url: bridge.url, token: bridge.token });
  });
  beforeEach(async () => {
    await bridge.command('FLUSHALL');
    bridge.requests.length = 0;
  });
  afterAll(async () => {
    await bridge?.stop();
    await redis?.stop();
  });

  const put = (key: string, value: string) => bridge.command('SET', redisKey(EDGE, key), value);
  const keys = () => bridge.command('KEYS', '*');

  test('shows a revision and the latest pointer, and nothing where there is none', async () => {
    await put(inboxRevisionKey('prod', 'abc'), 'a.b.c');
    await put(inboxLatestKey('prod'), 'd.e.f');
    expect(await inbox.pointer('prod', 'abc')).toEqual({ jws: 'a.b.c' });
    expect(await inbox.latest('prod')).toEqual({ jws: 'd.e.f' });
    expect(await inbox.pointer('prod', 'abd')).toBeNull();
    expect(await inbox.latest('lab')).toBeNull();
  });

  test('belongs to one edge: another one in the same database sees nothing of it', async () => {
    await put(inboxLatestKey('prod'), 'd.e.f');
    const other = redisInbox({ edge: 'https://other.example.com', url: bridge.url, token: bridge.token });
    expect(await other.latest('prod')).toBeNull();
  });

  test('gives the blobs that are there as bytes, several in one request', async () => {
    const bytes = new Uint8Array(MAX_BUCKET_BYTES).map((_, i) => i % 251);
    const [a, b, missing] = await Promise.all(['a', 'b', 'c'].map((text) => sha256Hex(text)));
    await put(inboxBlobKey('prod', a!), Buffer.from(bytes).toString('base64'));
    await put(inboxBlobKey('prod', b!), Buffer.from('small').toString('base64'));
    const blobs = await inbox.blobs('prod', [a!, b!, missing!]);
    expect([...blobs.keys()]).toEqual([a, b]);
    expect(Buffer.compare(Buffer.from(blobs.get(a!)!), Buffer.from(bytes))).toBe(0);
    expect(bridge.requests).toHaveLength(1);
    expect(await inbox.blobs('prod', [])).toEqual(new Map());
  });

  test('says of a value that it is too long or not base64, without reading it whole', async () => {
    const [long, wrong] = await Promise.all(['long', 'wrong'].map((text) => sha256Hex(text)));
    await put(inboxBlobKey('prod', long!), 'A'.repeat(8 * MAX_BUCKET_BYTES));
    await put(inboxBlobKey('prod', wrong!), 'this is not base64!');
    await put(inboxLatestKey('prod'), 'x'.repeat(MAX_POINTER_LENGTH + 1));
    const blobs = await inbox.blobs('prod', [long!, wrong!]);
    expect([...blobs.values()]).toEqual(['too-long', 'not-base64']);
    expect(await inbox.latest('prod')).toBe('too-long');
  });

  test('is tidied of a revision and its blobs, and keeps the latest pointer', async () => {
    await put(inboxBlobKey('prod', 'aa'), 'x');
    await put(inboxBlobKey('prod', 'bb'), 'x');
    await put(inboxRevisionKey('prod', 'abc'), 'x');
    await put(inboxLatestKey('prod'), 'x');
    await inbox.remove('prod', 'abc', ['aa', 'bb']);
    expect(await keys()).toEqual([redisKey(EDGE, inboxLatestKey('prod'))]);
  });

  test('that refuses the token, or cannot be reached, fails and tries no second time', async () => {
    const wrong = redisInbox({ edge: EDGE, url: bridge.url, token: 'wrong' });
    await expect(wrong.latest('prod')).rejects.toThrow(/WRONGPASS/);
    const nowhere = redisInbox({ edge: EDGE, url: 'http://127.0.0.1:1', token: 'x' });
    await expect(nowhere.latest('prod')).rejects.toThrow();
  });
});
