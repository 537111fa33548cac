import OpenAI from 'openai';
import { afterEach, describe, expect, test } from 'vitest';

import { instantPace } from '../../dev/simulator/pace.ts';
import { startSimulator } from '../../dev/simulator/server.ts';
import type { Simulator, SimulatorOptions } from '../../dev/simulator/server.ts';

let simulator: Simulator | undefined;

async function connect(options: SimulatorOptions = {}): Promise<OpenAI> {
  simulator = await startSimulator({ pace: instantPace, now: () => 1_800_000_000_000, ...options });
  return new OpenAI({ baseURL: `${simulator.url}/v1`, apiKey: 'sk-test', maxRetries: 0 });
}

afterEach(async () => {
  await simulator?.close();
  simulator = undefined;
});

const weatherTool = {
  type: 'function' as const,
  function: {
    name: 'get_weather',
    parameters: {
      type: 'object',
      properties: {
        city: { type: 'string' },
        unit: { enum: ['celsius', 'fahrenheit'] },
        days: { type: 'integer', minimum: 2 },
      },
      required: ['city'],
    },
  },
};

describe('a chat answer', () => {
  test('says that it is simulated, repeats the question and counts the tokens', async () => {
    const client = await connect();
    const answer = await client.chat.completions.create({
      model: 'demo',
      messages: [{ role: 'user', content: 'Is the kettle on?' }],
    });
    expect(answer.choices[0]?.message.content).toContain('simulator');
    expect(answer.choices[0]?.message.content).toContain('Is the kettle on?');
    expect(answer).toMatchObject({
      id: 'chatcmpl-sim000001',
      object: 'chat.completion',
      created: 1_800_000_000,
      model: 'demo-2026-01-15',
      choices: [{ finish_reason: 'stop' }],
    });
    expect(answer.usage?.prompt_tokens).toBe(11);
    expect(answer.usage?.total_tokens).toBe(11 + (answer.usage?.completion_tokens ?? 0));
  });

  test('is the same whether it is streamed or not', async () => {
    const client = await connect();
    const question = {
      model: 'demo',
      messages: [{ role: 'user' as const, content: 'Same?' }],
    };
    const whole = await client.chat.completions.create(question);
    const stream = client.chat.completions.stream({
      ...question,
      stream_options: { include_usage: true },
    });
    const streamed = await stream.finalChatCompletion();
    expect(streamed.choices[0]?.message.content).toBe(whole.choices[0]?.message.content);
    expect(streamed.usage).toEqual(whole.usage);
  });

  test('stops at max_completion_tokens with finish reason length, and at a stop sequence', async () => {
    const client = await connect();
    const messages = [{ role: 'user' as const, content: 'Go on' }];
    const short = await client.chat.completions.create({
      model: 'demo',
      messages,
      max_completion_tokens: 3,
    });
    expect(short.choices[0]?.finish_reason).toBe('length');
    expect(short.usage?.completion_tokens).toBe(3);
    const stopped = await client.chat.completions.create({ model: 'demo', messages, stop: '!' });
    expect(stopped.choices[0]?.message.content).toBe('Hello');
  });

  test('comes in several choices when n asks for them, streamed and not', async () => {
    const client = await connect();
    const question = {
      model: 'demo',
      n: 3,
      messages: [{ role: 'user' as const, content: 'Three, please' }],
    };
    const whole = await client.chat.completions.create(question);
    expect(new Set(whole.choices.map((choice) => choice.message.content)).size).toBe(3);
    const streamed = await client.chat.completions.stream(question).finalChatCompletion();
    expect(streamed.choices.map((choice) => choice.message.content)).toEqual(
      whole.choices.map((choice) => choice.message.content),
    );
  });

  test('is JSON when response_format asks for it, after the schema where there is one', async () => {
    const client = await connect();
    const messages = [{ role: 'user' as const, content: 'A person' }];
    const free = await client.chat.completions.create({
      model: 'demo',
      messages,
      response_format: { type: 'json_object' },
    });
    expect(JSON.parse(free.choices[0]?.message.content ?? '')).toMatchObject({
      question: 'A person',
    });
    const schema = {
      type: 'object',
      properties: { name: { type: 'string' }, age: { type: 'integer' } },
    };
    const shaped = await client.chat.completions.create({
      model: 'demo',
      messages,
      response_format: { type: 'json_schema', json_schema: { name: 'person', schema } },
    });
    expect(JSON.parse(shaped.choices[0]?.message.content ?? '')).toEqual({
      name: 'sample name',
      age: 1,
    });
  });
});

describe('a tool', () => {
  test('is called when the question speaks of it, with arguments that its schema allows', async () => {
    const client = await connect();
    const answer = await client.chat.completions.create({
      model: 'demo',
      messages: [{ role: 'user', content: 'What is the weather in Bergen?' }],
      tools: [weatherTool],
    });
    const [choice] = answer.choices;
    expect(choice?.finish_reason).toBe('tool_calls');
    expect(choice?.message.content).toBeNull();
    expect(choice?.message.tool_calls).toEqual([
      {
        id: 'call_sim_0_0',
        type: 'function',
        function: {
          name: 'get_weather',
          arguments: '{"city":"sample city","unit":"celsius","days":2}',
        },
      },
    ]);
  });

  test('is called when tool_choice requires it, and not when it forbids it', async () => {
    const client = await connect();
    const messages = [{ role: 'user' as const, content: 'Hello' }];
    const ask = async (tool_choice: OpenAI.ChatCompletionToolChoiceOption) => {
      const request = { model: 'demo', messages, tools: [weatherTool], tool_choice };
      const answer = await client.chat.completions.create(request);
      return answer.choices[0]?.finish_reason;
    };
    await expect(ask('required')).resolves.toBe('tool_calls');
    await expect(ask({ type: 'function', function: { name: 'get_weather' } })).resolves.toBe('tool_calls');
    await expect(ask('auto')).resolves.toBe('stop');
    await expect(ask('none')).resolves.toBe('stop');
  });

  test('call streams in parts, and its result turns up in the final text', async () => {
    const client = await connect();
    const runner = client.chat.completions.runTools({
      model: 'demo',
      stream: true,
      messages: [{ role: 'user', content: 'Use get_weather for me' }],
      tools: [
        {
          type: 'function',
          function: {
            ...weatherTool.function,
            description: 'The weather in a city',
            function: (text: string) => `rain over ${JSON.parse(text).city}`,
          },
        },
      ],
    });
    await expect(runner.finalContent()).resolves.toContain('rain over sample city');
    expect(simulator?.requests).toHaveLength(2);
  });
});

async function readEvents(request: object): Promise<string[]> {
  await connect();
  const response = await fetch(`${simulator?.url}/v1/chat/completions`, {
    method: 'POST',
    body: JSON.stringify(request),
  });
  expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
  const text = await response.text();
  return text.split('\n\n').filter(Boolean);
}

describe('the usage of a stream', () => {
  const body = { model: 'demo', stream: true, messages: [{ role: 'user', content: 'Hi' }] };

  test('is null in every chunk and then stands in one without choices, when it is asked for', async () => {
    const events = await readEvents({ ...body, stream_options: { include_usage: true } });
    expect(events.at(-1)).toBe('data: [DONE]');
    const chunks = events.slice(0, -1).map((event) => JSON.parse(event.slice('data: '.length)));
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { total_tokens: expect.any(Number) } });
    expect(chunks.slice(0, -1).every((chunk) => chunk.usage === null)).toBe(true);
    expect(chunks[0].choices[0].delta).toEqual({ role: 'assistant', content: '', refusal: null });
  });

  test('is nowhere when it is not asked for', async () => {
    const events = await readEvents(body);
    expect(events.at(-1)).toBe('data: [DONE]');
    expect(events.join('')).not.toContain('usage');
  });
});

test('the pace is kept: time to the first token, then so much a token', async () => {
  const slept: number[] = [];
  const sleep = async (milliseconds: number) => {
    slept.push(milliseconds);
  };
  const client = await connect({ pace: { firstTokenMs: 250, tokensPerSecond: 50, sleep } });
  const messages = [{ role: 'user' as const, content: 'Slowly' }];
  const stream = client.chat.completions.stream({ model: 'long-4', messages });
  await stream.finalContent();
  expect(slept).toEqual([250, 20, 20, 20, 20]);
  slept.length = 0;
  await client.chat.completions.create({ model: 'long-4', messages });
  expect(slept).toEqual([250, 80]);
});
