import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { utf8Bytes } from '../../../contract/encoding.ts';
import { MAX_BODY_BYTES } from '../../../worker/pipeline/read-body.ts';
import { FakeUpstream } from '../support/fake-upstream.ts';
import { answers, completion } from '../support/openai-answers.ts';
import { CHAT, errorOf, QUESTION, TestEdge } from '../support/test-edge.ts';

const upstream = new FakeUpstream();
const send = (body: unknown, headers: Record<string, string> = {}) =>
  new TestEdge({ upstream }).post('/v1/chat/completions', body, headers);
const nested = (depth: number, open: string, close: string) => open.repeat(depth) + close.repeat(depth);

describe('a body is refused, with a sentence that quotes none of it', () => {
  test.each<[string, string | Uint8Array<ArrayBuffer>, string, RegExp]>([
    ['that is empty', '', 'invalid_json', /it is empty/],
    ['that is blank', ' \n', 'invalid_json', /it is empty/],
    ['that is not JSON', `{"model":"demo","messages":${QUESTION}}`, 'invalid_json', /is not valid JSON\.$/],
    ['that lacks a comma', `{"model":"demo" "user":"${QUESTION}"}`, 'invalid_json', /see position 16/],
    ['that ends too early', `{"user":"${QUESTION}"`, 'invalid_json', /is not valid JSON/],
    ['that ends in the middle of a list', '{"messages":[', 'invalid_json', /it ends too early/],
    ['that is not UTF-8', new Uint8Array([0x7b, 0x22, 0xff, 0xfe, 0x22]), 'invalid_json', /not UTF-8/],
    ['that ends in the middle of a character', new Uint8Array([0x7b, 0xe2, 0x82]), 'invalid_json', /not UTF-8/],
    ['that is a list', '[]', 'invalid_request', /must be a JSON object/],
    ['that is null', 'null', 'invalid_request', /must be a JSON object/],
    ['that is a text', '"model"', 'invalid_request', /must be a JSON object/],
    ['of 10,000 lists', nested(10_000, '[', ']'), 'invalid_json', /deeper than 100 levels/],
    [
      'of 10,000 objects',
      `{"model":"demo","messages":${nested(10_000, '{"a":', '}').replace('{}', '{"a":1}')}}`,
      'invalid_json',
      /deeper than 100 levels/,
    ],
    [
      'of 10,000 lists that never close',
      `{"model":"demo","messages":${'['.repeat(10_000)}`,
      'invalid_json',
      /deeper than 100 levels/,
    ],
  ])('%s', async (_, body, code, message) => {
    const error = await errorOf(await send(body));
    expect(error).toMatchObject({ status: 400, code, type: 'invalid_request_error' });
    expect(error.message).toMatch(message);
    expect(error.message).not.toContain('canaries');
    expect(upstream.calls).toEqual([]);
  });

  test.each([
    ['without a model', { model: undefined }, 'model'],
    ['with an empty model', { model: '' }, 'model'],
    ['with a model that is a number', { model: 4 }, 'model'],
    ['without messages', { messages: undefined }, 'messages'],
    ['with no message', { messages: [] }, 'messages'],
    ['with messages that are text', { messages: QUESTION }, 'messages'],
    ['with a message that is text', { messages: [CHAT.messages[0], QUESTION] }, 'messages[1]'],
    ['with a message that is null', { messages: [null] }, 'messages[0]'],
    ['with a message that nobody says', { messages: [{ content: QUESTION }] }, 'messages[0].role'],
    ['with a stream that is text', { stream: 'yes' }, 'stream'],
  ])('%s, naming the parameter', async (_, change, param) => {
    const error = await errorOf(await send({ ...CHAT, ...change }));
    expect(error).toMatchObject({ status: 400, code: 'invalid_request', param });
    expect(error.message).toContain(param);
    expect(error.message).not.toContain('canaries');
  });

  test('that is not UTF-8 and comes in pieces', async () => {
    const body = new Blob([new Uint8Array([0x22, 0xf0, 0x9f, 0x98, 0x22])]).stream();
    const error = await errorOf(await send(body));
    expect(error).toMatchObject({ status: 400, code: 'invalid_json' });
    expect(error.message).toMatch(/not UTF-8/);
  });

  test('that says it is too large, without being read', async () => {
    let isRead = false;
    const body = new ReadableStream(
      {
        pull() {
          isRead = true;
        },
      },
      { highWaterMark: 0 },
    );
    const response = await send(body, { 'content-length': String(50 * 1024 * 1024) });
    expect(await errorOf(response)).toMatchObject({ status: 413, code: 'request_too_large' });
    expect(isRead).toBe(false);
  });

  test('that is too large and does not say so, after no more than the limit', async () => {
    let sent = 0;
    const part = new Uint8Array(1024 * 1024).fill(0x20);
    const body = new ReadableStream({
      pull(controller) {
        sent += part.byteLength;
        controller.enqueue(part);
      },
    });
    const error = await errorOf(await send(body));
    expect(error).toMatchObject({ status: 413, code: 'request_too_large' });
    expect(error.message).toBe('The request body is larger than 16 MiB. Send less at once.');
    expect(sent).toBeLessThanOrEqual(MAX_BODY_BYTES + 3 * part.byteLength);
  });
});

const ENCODINGS: readonly [string, (bytes: Uint8Array) => Uint8Array][] = [
  ['gzip', gzipSync],
  ['x-gzip', gzipSync],
  ['deflate', deflateSync],
  ['br', brotliCompressSync],
  ['zstd', zstdCompressSync],
];

describe('a compressed body', () => {
  test.each([...ENCODINGS, ['GZIP', gzipSync], ['identity', (bytes: Uint8Array) => bytes]] as const)(
    'in %s is decoded, and the provider gets it as it was before',
    async (encoding, encode) => {
      const upstream = new FakeUpstream().on('first.example', answers(completion()));
      const edge = new TestEdge({ upstream });
      const body = new Uint8Array(encode(utf8Bytes(JSON.stringify(CHAT))));
      const response = await edge.post('/v1/chat/completions', body, { 'content-encoding': encoding });
      expect(response.status).toBe(200);
      expect(upstream.call.body).toEqual({ ...CHAT, model: 'upstream-demo' });
      expect(upstream.call.headers.get('content-encoding')).toBeNull();
    },
  );

  test.each(ENCODINGS)('in %s that becomes too large is refused: 413', async (encoding, encode) => {
    const bomb = new Uint8Array(encode(new Uint8Array(64 * 1024 * 1024)));
    expect(bomb.byteLength).toBeLessThan(100 * 1024);
    expect(await errorOf(await send(bomb, { 'content-encoding': encoding }))).toMatchObject({
      status: 413,
      code: 'request_too_large',
    });
  });

  test.each(ENCODINGS)('that is not in %s, or cut short, is refused: 400', async (encoding, encode) => {
    const whole = new Uint8Array(encode(utf8Bytes(JSON.stringify(CHAT))));
    for (const body of [utf8Bytes(JSON.stringify(CHAT)), whole.slice(0, -9)])
      expect(await errorOf(await send(body, { 'content-encoding': encoding }))).toMatchObject({
        status: 400,
        code: 'invalid_request',
      });
  });

  test.each(['compress', 'gzip, br', 'aws-chunked'])('in %s is refused: 415', async (encoding) => {
    const error = await errorOf(await send(CHAT, { 'content-encoding': encoding }));
    expect(error).toMatchObject({ status: 415, code: 'unsupported_content_encoding' });
    expect(error.message).toContain('gzip, br, zstd');
  });
});
