import OpenAI, { APIError } from 'openai';
import { describe, expect, test } from 'vitest';
import deepseek from '../fixtures/deepseek-reasoning.sse?raw';
import groq from '../fixtures/groq-usage-beside.sse?raw';
import withoutDone from '../fixtures/compatible-without-done.sse?raw';
import errorEvent from '../fixtures/error-event.sse?raw';
import errorInBand from '../fixtures/error-in-band.sse?raw';
import toolCalls from '../fixtures/openai-tool-calls.sse?raw';
import openai from '../fixtures/openai-usage.sse?raw';
import { bytesOf } from '../streaming/sift.ts';
import { FakeUpstream } from '../support/fake-upstream.ts';
import { CHAT, KEY, TestEdge } from '../support/test-edge.ts';

const STREAMS = [
  ['OpenAI', openai],
  ['OpenAI, calling tools', toolCalls],
  ['Groq', groq],
  ['DeepSeek', deepseek],
  ['a provider without [DONE]', withoutDone],
] as const;

const WAYS = ['ends', 'breaks'] as const;

describe.each(STREAMS)('a stream of %s', (_, stream) => {
  test.each(WAYS)('that %s before its answer is whole never ends clean, wherever that happens', async (way) => {
    const bytes = bytesOf(stream);
    const whole = wholeFrom(stream, way);
    let begun = 0;
    for (let size = 0; size < whole; size += size > whole - 8 ? 1 : 23) {
      const text = await streamedText(bytes.subarray(0, size), way);
      if (text === undefined) continue;
      begun++;
      expect(text).not.toContain('[DONE]');
      expect(errorsIn(text)).toMatchObject([{ code: 'upstream_interrupted', type: 'server_error' }]);
      expect(text.endsWith('\n\n')).toBe(true);
    }
    expect(begun).toBeGreaterThan(8);
  });

  test.each(WAYS)('that %s behind its answer is whole, with nothing invented', async (way) => {
    const bytes = bytesOf(stream);
    for (const size of [wholeFrom(stream, way), bytes.length]) {
      const text = await streamedText(bytes.subarray(0, size), way);
      expect(errorsIn(text ?? '')).toEqual([]);
      expect(text?.includes('[DONE]')).toBe(size === bytes.length && stream.includes('[DONE]'));
    }
  });
});

describe('the official SDK', () => {
  test('reads a whole stream to its end', async () => {
    expect(await readBySdk(answering(bytesOf(openai), 'ends'))).toEqual({ text: 'Grüße, 世界 👋🏽', error: undefined });
  });

  test.each(WAYS)('raises an error where a stream %s within an event', async (way) => {
    const { text, error } = await readBySdk(
      answering(bytesOf(openai).subarray(0, openai.indexOf('"finish_reason":"stop"')), way),
    );
    expect(text).toBe('Grüße, 世界 👋🏽');
    expect(error).toBeInstanceOf(APIError);
    expect(error).toMatchObject({ code: 'upstream_interrupted', message: expect.stringContaining('incomplete') });
  });

  test.each([
    ['in its data', errorInBand, 'Half an', /server had an error/],
    ['as an event', errorEvent, 'Half', /over capacity/],
  ])('raises the error that the provider put into the stream %s', async (_, stream, begun, message) => {
    const { text, error } = await readBySdk(answering(bytesOf(stream), 'ends', [stream.indexOf('\n\n') + 2]));
    expect(text).toBe(begun);
    expect(error).toBeInstanceOf(APIError);
    expect(String(error)).toMatch(message);
  });

  test('raises an error where the provider sends what is no event of its dialect', async () => {
    const begun = openai.slice(0, openai.indexOf('\n\n', 400) + 2);
    const stream = bytesOf(`${begun}data: <html>busy</html>\n\n`);
    const { error } = await readBySdk(answering(stream, 'ends', [bytesOf(begun).length]));
    expect(error).toMatchObject({ code: 'upstream_interrupted' });
  });
});

/** In bytes: where the last finish_reason has come. Of a stream that ends, the last event needs no blank line. */
function wholeFrom(stream: string, way: (typeof WAYS)[number]): number {
  const end = stream.indexOf('\n', stream.lastIndexOf('"finish_reason":"'));
  return bytesOf(stream.slice(0, way === 'ends' ? end : end + 2)).length;
}

/** What reaches a caller, or undefined where it got an error response in place of a stream. */
async function streamedText(bytes: Uint8Array, way: (typeof WAYS)[number]): Promise<string | undefined> {
  const response = await answering(bytes, way).post('/v1/chat/completions', { ...CHAT, stream: true });
  if (response.status === 200) return response.text();
  expect(await response.json()).toMatchObject({ error: { code: 'upstream_failed' } });
  return undefined;
}

/** An edge whose only provider sends these bytes, and then ends its stream or loses the connection. */
function answering(bytes: Uint8Array, way: (typeof WAYS)[number], cuts: readonly number[] = []): TestEdge {
  const places = [0, ...cuts, bytes.length];
  const upstream = new FakeUpstream().on('first.example', () => {
    const pieces = places.slice(1).map((end, i) => bytes.subarray(places[i], end));
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        const piece = pieces.shift();
        if (piece) controller.enqueue(piece);
        else if (way === 'ends') controller.close();
        else controller.error(new Error('connection reset'));
      },
    });
    return new Response(body, { headers: { 'content-type': 'text/event-stream' } });
  });
  return new TestEdge({ upstream });
}

function errorsIn(stream: string): unknown[] {
  return stream
    .split(/\n\n+/)
    .filter((event) => event.startsWith('data: {'))
    .map((event): { error?: unknown } => JSON.parse(event.slice(6)))
    .flatMap(({ error }) => (error === undefined ? [] : [error]));
}

async function readBySdk(edge: TestEdge): Promise<{ text: string; error: unknown }> {
  const client = new OpenAI({
    baseURL: 'https://edge.example.com/v1',
    apiKey: KEY,
    maxRetries: 0,
    logLevel: 'off',
    fetch: (input, init) => edge.request(input instanceof Request ? input.url : input.toString(), init),
  });
  let text = '';
  try {
    const stream = await client.chat.completions.create({
      model: 'demo',
      messages: [{ role: 'user', content: 'Hi' }],
      stream: true,
    });
    for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
    return { text, error: undefined };
  } catch (error) {
    return { text, error };
  }
}
