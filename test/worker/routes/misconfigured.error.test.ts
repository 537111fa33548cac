import { createExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Env } from '../../../worker/env.ts';
import worker from '../../../worker/index.ts';
import { errorOf } from '../support/test-edge.ts';

const log = vi.spyOn(console, 'log');
beforeEach(() => void log.mockClear().mockImplementation(() => undefined));
afterAll(() => log.mockRestore());

/** A worker is configured once an isolate, so what works is tried last. */
describe('a worker with a configuration that cannot be used', () => {
  const call = async (change: object, path = '/v1/chat/completions') => {
    const bindings: Env = { ...env, ...change };
    return worker.fetch(new Request(`https://edge.example.com${path}`), bindings, createExecutionContext());
  };

  test.each([
    ['its origin', 'FAIRLEAD_ENDPOINT', 'https://edge.example.com/path', 'FAIRLEAD_ENDPOINT'],
    ['no origin', 'FAIRLEAD_ENDPOINT', undefined, 'FAIRLEAD_ENDPOINT'],
    ['its clusters', 'FAIRLEAD_CLUSTERS', '{private', 'FAIRLEAD_CLUSTERS'],
    ['its sealing keys', 'FAIRLEAD_SEALING_KEYS', '{"keys":[{"d":"private"}]}', 'FAIRLEAD_SEALING_KEYS'],
    ['sealing keys that are no JSON', 'FAIRLEAD_SEALING_KEYS', 'private', 'FAIRLEAD_SEALING_KEYS'],
    [
      'a sealing key that is none',
      'FAIRLEAD_SEALING_KEYS',
      JSON.stringify({ keys: [{ kty: 'OKP', crv: 'X25519', kid: 'k', x: 'private', d: 'private' }] }),
      'The key k of FAIRLEAD_SEALING_KEYS is no X25519 key',
    ],
    ['no hub', 'TABLE_HUB', undefined, 'TABLE_HUB'],
    ['no KV', 'TABLE_KV', undefined, 'TABLE_KV'],
  ])('(%s) answers one clear 500, and says in the log what is wrong', async (_, name, value, told) => {
    for (const path of ['/v1/chat/completions', '/healthz', '/fairlead/v1/revision']) {
      log.mockClear();
      const response = await call({ [name]: value }, path);
      expect(response.headers.get('x-should-retry')).toBe('false');
      expect(await errorOf(response)).toMatchObject({
        status: 500,
        code: 'misconfigured',
        message: 'This gateway is not configured correctly. Its operator finds the reason in the log.',
      });
      const lines = log.mock.calls.map(([line]) => String(line));
      expect(lines).toHaveLength(1);
      expect(lines[0]).toContain(told);
      expect(lines[0]).not.toContain('private');
    }
  });

  test('works as soon as it is mended', async () => {
    expect((await call({}, '/fairlead/v1/revision')).status).toBe(200);
  });
});
