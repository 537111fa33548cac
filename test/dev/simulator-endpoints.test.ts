import OpenAI from 'openai';
import { afterEach, expect, test } from 'vitest';

import { instantPace } from '../../dev/simulator/pace.ts';
import { startSimulator } from '../../dev/simulator/server.ts';
import type { Simulator, SimulatorOptions } from '../../dev/simulator/server.ts';

let simulator: Simulator | undefined;

async function connect(options: SimulatorOptions = {}): Promise<OpenAI> {
  simulator = await startSimulator({ pace: instantPace, ...options });
  return new OpenAI({ baseURL: `${simulator.url}/v1`, apiKey: 'sk-test', maxRetries: 0 });
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

afterEach(async () => {
  await simulator?.close();
  simulator = undefined;
});

test('a completion continues the prompt, streamed and not alike', async () => {
  const client = await connect();
  const request = { model: 'demo', prompt: 'Once upon a time', max_tokens: 8 };
  const whole = await client.completions.create(request);
  expect(whole).toMatchObject({
    object: 'text_completion',
    choices: [{ finish_reason: 'length' }],
    usage: { prompt_tokens: 4, completion_tokens: 8, total_tokens: 12 },
  });
  const stream = await client.completions.create({
    ...request,
    stream: true,
    stream_options: { include_usage: true },
  });
  const chunks = await collect(stream);
  expect(chunks.map((chunk) => chunk.choices[0]?.text ?? '').join('')).toBe(whole.choices[0]?.text);
  expect(chunks.at(-1)).toMatchObject({ choices: [], usage: whole.usage });
});

test('embeddings are unit vectors that depend only on the text, as floats and as base64', async () => {
  const client = await connect();
  const model = 'demo-embedding';
  // The SDK asks for base64 by itself and decodes it.
  const decoded = await client.embeddings.create({ model, input: ['one', 'two', 'one'] });
  const floats = await client.embeddings.create({ model, input: 'one', encoding_format: 'float' });
  const [first, second, third] = decoded.data.map((item) => item.embedding);
  expect(simulator?.requests[0]?.json).toMatchObject({ encoding_format: 'base64' });
  expect(first).toHaveLength(256);
  expect(first).toEqual(third);
  expect(first).not.toEqual(second);
  expect(floats.data[0]?.embedding).toEqual(first);
  expect(Math.hypot(...(first ?? []))).toBeCloseTo(1, 5);
  expect(decoded.usage).toEqual({ prompt_tokens: 3, total_tokens: 3 });
});

test('embeddings take dimensions and token ids', async () => {
  const client = await connect();
  const answer = await client.embeddings.create({
    model: 'demo-embedding',
    input: [
      [1, 2, 3],
      [4, 5],
    ],
    dimensions: 8,
  });
  expect(answer.data.map((item) => item.embedding.length)).toEqual([8, 8]);
  expect(answer.usage.prompt_tokens).toBe(5);
});

test('models are listed and described', async () => {
  const client = await connect({ models: ['demo'] });
  const models = await collect(await client.models.list());
  expect(models.map((model) => model.id)).toContain('demo');
  await expect(client.models.retrieve('demo')).resolves.toMatchObject({ object: 'model' });
  await expect(client.models.retrieve('nothing')).rejects.toMatchObject({
    status: 404,
    code: 'model_not_found',
  });
});

test('a request that is not valid is refused with the field that is wrong', async () => {
  const client = await connect();
  await expect(client.chat.completions.create({ model: 'demo', messages: [] })).rejects.toMatchObject({
    status: 400,
    param: 'messages',
    code: 'invalid_value',
  });
  const notJson = await fetch(`${simulator?.url}/v1/chat/completions`, {
    method: 'POST',
    body: '{"model":',
  });
  expect(notJson.status).toBe(400);
  const elsewhere = await fetch(`${simulator?.url}/v2/chat`);
  expect(elsewhere.status).toBe(404);
});

test('the API key is checked where the simulator has one', async () => {
  const client = await connect({ apiKey: 'sk-right' });
  const messages = [{ role: 'user' as const, content: 'Hi' }];
  await expect(client.chat.completions.create({ model: 'demo', messages })).rejects.toMatchObject({
    status: 401,
    code: 'invalid_api_key',
  });
  const welcome = client.withOptions({ apiKey: 'sk-right' });
  await expect(welcome.chat.completions.create({ model: 'demo', messages })).resolves.toMatchObject({
    object: 'chat.completion',
  });
});

test('what was received is on record, headers and bytes', async () => {
  const client = await connect();
  const arrival = simulator?.nextRequest();
  await client.chat.completions.create(
    { model: 'demo', messages: [{ role: 'user', content: 'Remember me' }] },
    { headers: { 'x-tag': 'seven' } },
  );
  const received = await arrival;
  expect(received).toMatchObject({
    method: 'POST',
    path: '/v1/chat/completions',
    headers: { 'x-tag': 'seven', authorization: 'Bearer sk-test' },
    json: { model: 'demo' },
    outcome: 'Answered',
  });
  expect(received?.body).toContain('Remember me');
});
