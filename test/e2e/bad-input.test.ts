import { request, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { text as readText } from 'node:stream/consumers';
import { brotliCompressSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGateway, type GatewayUnderTest } from '../support/gateway.ts';
import { consumer, documents, model, provider, route } from '../support/resource-files.ts';
import { startAgentInProcess } from '../support/running-agent.ts';

const KEY = 'sk-test-someone';
const MB = 1024 * 1024;
/** As much as workerd still takes in after it has answered; beyond that it resets the connection. */
const SCRAP = 16 * 1024;

interface Sent {
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array<ArrayBuffer>;
}

const chat = (fields: object): string =>
  JSON.stringify({ model: 'demo', messages: [{ role: 'user', content: 'Hi' }], ...fields });

const BAD: readonly (readonly [what: string, sent: Sent, status: number, code: string])[] = [
  ['a body that is not JSON', { body: '{"model": demo}' }, 400, 'invalid_json'],
  ['no body', { body: '' }, 400, 'invalid_json'],
  [
    'a body that is not UTF-8',
    { body: Buffer.from(chat({ user: 'XX' })).map((byte) => (byte === 0x58 ? 0xff : byte)) },
    400,
    'invalid_json',
  ],
  [
    'a body 10,000 levels deep',
    { body: chat({}).replace(/}$/, `,"deep":${'['.repeat(10_000)}${']'.repeat(10_000)}}`) },
    400,
    'invalid_json',
  ],
  ['JSON that is no object', { body: '[1]' }, 400, 'invalid_request'],
  ['no model', { body: chat({ model: undefined }) }, 400, 'invalid_request'],
  ['a model that is no string', { body: chat({ model: 7 }) }, 400, 'invalid_request'],
  ['no messages', { body: chat({ messages: undefined }) }, 400, 'invalid_request'],
  ['an empty list of messages', { body: chat({ messages: [] }) }, 400, 'invalid_request'],
  ['messages that are no list', { body: chat({ messages: 'Hi' }) }, 400, 'invalid_request'],
  ['a message that is no object', { body: chat({ messages: ['Hi'] }) }, 400, 'invalid_request'],
  ['an unknown model', { body: chat({ model: 'nope' }) }, 404, 'model_not_found'],
  ['no key', { headers: { authorization: '' } }, 401, 'invalid_api_key'],
  ['a wrong key', { headers: { authorization: 'Bearer sk-wrong' } }, 401, 'invalid_api_key'],
  [
    'a model that this consumer may not use',
    { headers: { authorization: 'Bearer sk-test-limited' } },
    403,
    'model_not_allowed',
  ],
  ['an unknown path', { path: '/v1/nothing' }, 404, 'not_found'],
  ['a wrong method', { path: '/v1/chat/completions', method: 'DELETE', body: '' }, 405, 'method_not_allowed'],
  ['an encoding that nobody knows', { headers: { 'content-encoding': 'rot13' } }, 415, 'unsupported_content_encoding'],
  ['a body that is not what its encoding says', { headers: { 'content-encoding': 'gzip' } }, 400, 'invalid_request'],
];

describe('bad input over a real socket', () => {
  let gateway: GatewayUnderTest;

  beforeAll(async () => {
    gateway = await startGateway({
      startAgent: startAgentInProcess,
      files: (simulator) => ({
        'all.yaml': documents(
          provider('simulator', { baseURL: `${simulator}/v1` }),
          model('demo', { provider: 'simulator' }),
          route('chat', ['demo']),
          consumer('someone', KEY),
          consumer('limited', 'sk-test-limited', { allowedModels: ['other-*'] }),
        ),
      }),
    });
  });
  afterAll(() => gateway?.dispose());

  const send = ({ path = '/v1/chat/completions', method = 'POST', headers = {}, body = chat({}) }: Sent) =>
    fetch(gateway.edge.url + path, {
      method,
      headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json', ...headers },
      ...(body.length === 0 ? {} : { body }),
    });

  test.each(BAD)(
    '%s is refused in the words of OpenAI’s API, and never reaches a provider',
    async (_what, sent, status, code) => {
      const before = gateway.simulator.requests.length;
      const response = await send(sent);
      const body: unknown = await response.json();
      expect({ status: response.status, body }).toMatchObject({
        status,
        body: { error: { code, message: expect.stringMatching(/.{10}/), type: expect.any(String) } },
      });
      expect(response.headers.get('x-request-id')).toMatch(/.+/);
      expect(gateway.simulator.requests.length).toBe(before);
    },
  );

  test('a body that is announced with 50 MB is refused as too large before it is sent', async () => {
    const headers = { 'content-length': String(50 * MB) };
    expect(await sendPart(gateway.edge.url, headers, SCRAP)).toEqual({ status: 413, code: 'request_too_large' });
  });

  test('a body of unknown length is refused as too large once more than 16 MB have come', async () => {
    expect(await sendPart(gateway.edge.url, {}, 16 * MB + SCRAP)).toEqual({ status: 413, code: 'request_too_large' });
  });

  test.each([
    ['gzip', gzipSync],
    ['br', brotliCompressSync],
    ['zstd', zstdCompressSync],
  ])('a %s bomb is refused without being unpacked whole', async (encoding, compress) => {
    const bomb = new Uint8Array(
      compress(Buffer.from(chat({ messages: [{ role: 'user', content: 'x'.repeat(64 * MB) }] }))),
    );
    expect(bomb.length).toBeLessThan(MB);
    const response = await send({ body: bomb, headers: { 'content-encoding': encoding } });
    expect(response.status).toBe(413);
  });

  test.each([
    ['gzip', gzipSync],
    ['br', brotliCompressSync],
    ['zstd', zstdCompressSync],
  ])('a body in %s is understood', async (encoding, compress) => {
    const response = await send({
      body: new Uint8Array(compress(Buffer.from(chat({})))),
      headers: { 'content-encoding': encoding },
    });
    expect(response.status).toBe(200);
    await response.body?.cancel();
  });

  test('a request that breaks off in its body does no harm', async () => {
    const { hostname, port } = new URL(gateway.edge.url);
    const socket = connect(Number(port), hostname);
    const head = `POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${KEY}\r\nContent-Length: 1000\r\n\r\n{"model":`;
    socket.end(head);
    await readText(socket);
    expect((await send({})).status).toBe(200);
  });

  test('after all that the edge answers as before, and nothing went wrong inside it', async () => {
    expect((await send({})).status).toBe(200);
    const faults = gateway.otherLines.filter(({ level, message }) => level === 'error' || message.includes('internal'));
    expect(faults).toEqual([]);
  });
});

interface Answer {
  readonly status: number | undefined;
  readonly code: unknown;
}

/** Sends so much of a body, never its end, and waits for the answer. */
async function sendPart(edge: string, headers: Readonly<Record<string, string>>, length: number): Promise<Answer> {
  const call = request(`${edge}/v1/chat/completions`, {
    method: 'POST',
    agent: false,
    headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json', ...headers },
  });
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    call.once('response', resolve);
    call.once('error', reject);
  });
  call.write('x'.repeat(length));
  const response = await answered;
  const body: unknown = JSON.parse(await readText(response));
  call.destroy();
  return { status: response.statusCode, code: Object(body).error?.code };
}
