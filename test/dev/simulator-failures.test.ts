import { readFile } from 'node:fs/promises';

import OpenAI from 'openai';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { failures } from '../../dev/simulator/failures.ts';
import { instantPace } from '../../dev/simulator/pace.ts';
import { startSimulator } from '../../dev/simulator/server.ts';
import type { Simulator } from '../../dev/simulator/server.ts';

let simulator: Simulator;
let client: OpenAI;

beforeEach(async () => {
  simulator = await startSimulator({ pace: instantPace });
  client = new OpenAI({ baseURL: `${simulator.url}/v1`, apiKey: 'sk-test', maxRetries: 0 });
});

afterEach(async () => {
  await simulator.close();
});

const messages = [{ role: 'user' as const, content: 'Well?' }];

async function post(model: string, stream: boolean, signal?: AbortSignal): Promise<Response> {
  return fetch(`${simulator.url}/v1/chat/completions`, {
    method: 'POST',
    body: JSON.stringify({ model, stream, messages }),
    redirect: 'manual',
    signal: signal ?? null,
  });
}

/** What arrived before the end, and whether the end was clean. */
async function readAll(response: Response): Promise<{ text: string; isClean: boolean }> {
  let text = '';
  const decoder = new TextDecoder();
  try {
    for await (const bytes of response.body ?? []) text += decoder.decode(bytes, { stream: true });
    return { text, isClean: true };
  } catch {
    return { text, isClean: false };
  }
}

describe('a refusal', () => {
  test.each([
    ['fail-400', 400],
    ['fail-401', 401],
    ['fail-403', 403],
    ['fail-404', 404],
    ['fail-408', 408],
    ['fail-429', 429],
    ['fail-500', 500],
    ['fail-503', 503],
  ])('%s raises the error of status %i in the SDK, streamed and not', async (model, status) => {
    const whole = client.chat.completions.create({ model, messages });
    await expect(whole).rejects.toMatchObject({ status, error: { message: expect.any(String) } });
    const stream = client.chat.completions.create({ model, messages, stream: true });
    await expect(stream).rejects.toMatchObject({ status });
  });

  test('for too many requests says when to come back', async () => {
    const response = await post('fail-429', false);
    expect(response.headers.get('retry-after')).toBe('7');
    expect(response.headers.get('x-ratelimit-remaining-requests')).toBe('0');
  });

  test('that is misspelt is a 404 which lists the failures there are', async () => {
    const misspelt = client.chat.completions.create({ model: 'fail-42', messages });
    await expect(misspelt).rejects.toMatchObject({
      status: 404,
      message: expect.stringContaining('fail-429'),
    });
  });
});

test('fail-html answers a web page, fail-redirect a redirect', async () => {
  const page = await post('fail-html', false);
  expect(page.status).toBe(200);
  expect(page.headers.get('content-type')).toContain('text/html');
  const redirect = await post('fail-redirect', true);
  expect(redirect.status).toBe(302);
  expect(redirect.headers.get('location')).toBe('/elsewhere');
});

describe('a hanging upstream', () => {
  test('never answers as fail-hang, and sees its client leave', async () => {
    const leaving = new AbortController();
    const answer = post('fail-hang', true, leaving.signal);
    await simulator.nextRequest();
    leaving.abort();
    await expect(answer).rejects.toThrow('abort');
    await expect(simulator.nextAbort()).resolves.toMatchObject({ outcome: 'Aborted' });
  });

  test('sends headers and no more as fail-hang-after-headers', async () => {
    const leaving = new AbortController();
    const response = await post('fail-hang-after-headers', true, leaving.signal);
    expect(response.headers.get('content-type')).toContain('text/event-stream');
    leaving.abort();
    await expect(readAll(response)).resolves.toEqual({ text: '', isClean: false });
    await simulator.nextAbort();
  });
});

describe('a stream that breaks', () => {
  test('fail-cut dies in the middle of an event', async () => {
    const { text, isClean } = await readAll(await post('fail-cut', true));
    expect(isClean).toBe(false);
    expect(text).toContain('"content":"Hello"');
    expect(text.endsWith('\n\n')).toBe(false);
    await expect(simulator.nextEnd()).resolves.toMatchObject({ outcome: 'Cut' });
  });

  test('fail-cut-before-content dies after the role', async () => {
    const { text, isClean } = await readAll(await post('fail-cut-before-content', true));
    expect(isClean).toBe(false);
    expect(text.match(/data: /g)).toHaveLength(1);
    expect(text).toContain('"role":"assistant"');
  });

  test('fail-error-event raises in the SDK after some text', async () => {
    let text = '';
    const read = async () => {
      const stream = await client.chat.completions.create({
        model: 'fail-error-event',
        messages,
        stream: true,
      });
      for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
    };
    await expect(read()).rejects.toThrow('failed while it was generating');
    expect(text).toContain('Hello');
  });

  test('fail-no-done ends cleanly without finish reason and [DONE]', async () => {
    const { text, isClean } = await readAll(await post('fail-no-done', true));
    expect(isClean).toBe(true);
    expect(text).not.toContain('[DONE]');
    expect(text).not.toContain('"finish_reason":"stop"');
  });

  test('fail-malformed sends a chunk that is not JSON, and goes on', async () => {
    const { text } = await readAll(await post('fail-malformed', true));
    const events = text.split('\n\n').filter(Boolean);
    const broken = events.filter((event) => !isJson(event.replace('data: ', '')));
    expect(broken).toEqual(['data: {"choices":[{"delta":', 'data: [DONE]']);
  });
});

describe('a body that breaks', () => {
  test.each(['fail-cut', 'fail-cut-before-content'])('%s stops half-way', async (model) => {
    const { text, isClean } = await readAll(await post(model, false));
    expect(isClean).toBe(false);
    expect(text).toContain('chat.completion');
  });

  test('fail-error-event is a 500, fail-no-done has no usage, fail-malformed is no JSON', async () => {
    const failed = await post('fail-error-event', false);
    expect(failed.status).toBe(500);
    const unmetered = await post('fail-no-done', false);
    expect(await unmetered.json()).not.toHaveProperty('usage');
    const malformed = await post('fail-malformed', false);
    expect(isJson(await malformed.text())).toBe(false);
  });
});

describe('a slow upstream', () => {
  test('waits before the first event as slow-N, before the headers as late-N', async () => {
    await simulator.close();
    const slept: number[] = [];
    const sleep = async (milliseconds: number) => {
      slept.push(milliseconds);
    };
    simulator = await startSimulator({ pace: { ...instantPace, sleep } });
    await (await post('slow-700', true)).text();
    await (await post('late-900', true)).text();
    expect(slept).toEqual([700, 900]);
  });

  test('long-N answers exactly N tokens', async () => {
    const answer = await client.chat.completions.create({ model: 'long-500', messages });
    expect(answer.usage?.completion_tokens).toBe(500);
  });
});

test('an abort in mid-stream is seen, and is told apart from an answer', async () => {
  const leaving = new AbortController();
  const response = await post('long-50000', true, leaving.signal);
  const reader = response.body?.getReader();
  await reader?.read();
  leaving.abort();
  await expect(simulator.nextAbort()).resolves.toMatchObject({ json: { model: 'long-50000' } });
  await (await post('demo', true)).text();
  await simulator.nextEnd();
  await expect(simulator.nextEnd()).resolves.toMatchObject({ outcome: 'Answered' });
});

test('every failure of the table has a test here', async () => {
  const source = await readFile(new URL(import.meta.url), 'utf8');
  const untested = failures.filter(({ name }) => !source.includes(name.replace(/N$/, '')));
  expect(untested.map(({ name }) => name)).toEqual([]);
});

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
