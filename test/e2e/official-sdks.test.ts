import { createOpenAI } from '@ai-sdk/openai';
import { generateText, isStepCount, streamText, tool } from 'ai';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { startGateway, type GatewayUnderTest } from '../support/gateway.ts';
import { consumer, documents, model, provider, route, secret } from '../support/resource-files.ts';
import { startAgentProcess } from '../support/running-agent.ts';

const KEY = 'sk-test-someone';
const UPSTREAM_KEY = 'sk-upstream';

const WEATHER = {
  type: 'function' as const,
  function: {
    name: 'get_weather',
    description: 'Current weather of a city',
    parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  },
};

describe('the official SDKs through the edge, with the agent as a process of its own', () => {
  let gateway: GatewayUnderTest;
  let client: OpenAI;

  beforeAll(async () => {
    gateway = await startGateway({
      startAgent: startAgentProcess,
      apiKey: UPSTREAM_KEY,
      files: (simulator) => ({
        'all.yaml': documents(
          provider('simulator', {
            baseURL: `${simulator}/v1`,
            auth: { type: 'APIKey', apiKey: { type: 'SecretRef', secretRef: { name: 'upstream', key: 'key' } } },
          }),
          secret('upstream', new URL(simulator).host, { key: UPSTREAM_KEY }),
          model('demo', { provider: 'simulator' }),
          route('chat', ['demo']),
          consumer('someone', KEY),
        ),
      }),
    });
    client = new OpenAI({ baseURL: `${gateway.edge.url}/v1`, apiKey: KEY, maxRetries: 0 });
  });
  afterAll(() => gateway?.dispose());

  describe('openai', () => {
    test('answers, with the model and the usage that the provider reported', async () => {
      const answer = await client.chat.completions.create({
        model: 'demo',
        messages: [{ role: 'user', content: 'Are you there?' }],
      });
      expect(answer.choices[0]?.message.content).toContain('You asked: "Are you there?"');
      expect(answer.model).toBe('demo-2026-01-15');
      expect(answer.usage?.total_tokens).toBeGreaterThan(0);
    });

    test('streams, without a usage chunk that was not asked for', async () => {
      const stream = await client.chat.completions.create({
        model: 'demo',
        stream: true,
        messages: [{ role: 'user', content: 'Stream, please' }],
      });
      let text = '';
      const usages: unknown[] = [];
      for await (const chunk of stream) {
        text += chunk.choices[0]?.delta.content ?? '';
        if (chunk.usage) usages.push(chunk.usage);
      }
      expect(text).toContain('You asked: "Stream, please"');
      expect(usages).toEqual([]);
    });

    test('streams the usage where it was asked for', async () => {
      const stream = await client.chat.completions.create({
        model: 'demo',
        stream: true,
        stream_options: { include_usage: true },
        messages: [{ role: 'user', content: 'And count' }],
      });
      const usages: OpenAI.CompletionUsage[] = [];
      for await (const chunk of stream) if (chunk.usage) usages.push(chunk.usage);
      expect(usages).toHaveLength(1);
      expect(usages[0]?.completion_tokens).toBeGreaterThan(0);
    });

    test('streams a tool call, and the answer to its result', async () => {
      const runner = client.chat.completions.runTools({
        model: 'demo',
        stream: true,
        messages: [{ role: 'user', content: 'What is the weather like?' }],
        tools: [
          {
            type: 'function',
            function: {
              ...WEATHER.function,
              parse: (text: string): object => Object(JSON.parse(text)),
              function: (asked: object) => `sunny in ${Object.keys(asked).join()}`,
            },
          },
        ],
      });
      expect(await runner.finalContent()).toContain('The tool answered: sunny in city');
    });

    test('lists and names the models that this caller may use', async () => {
      const listed: string[] = [];
      for await (const { id } of client.models.list()) listed.push(id);
      expect(listed).toEqual(['demo']);
      expect((await client.models.retrieve('demo')).id).toBe('demo');
    });

    test('makes embeddings and completions', async () => {
      const embedded = await client.embeddings.create({ model: 'demo', input: ['a', 'b'] });
      expect(embedded.data).toHaveLength(2);
      expect(embedded.data[0]?.embedding.length).toBeGreaterThan(0);
      const completed = await client.completions.create({ model: 'demo', prompt: 'Once upon a time' });
      expect(completed.choices[0]?.text).toContain('Once upon a time');
    });

    test('raises its own errors for a wrong key and an unknown model', async () => {
      const messages = [{ role: 'user', content: 'Hi' }] as const;
      const stranger = new OpenAI({ baseURL: `${gateway.edge.url}/v1`, apiKey: 'sk-wrong', maxRetries: 0 });
      await expect(stranger.chat.completions.create({ model: 'demo', messages: [...messages] })).rejects.toMatchObject({
        constructor: OpenAI.AuthenticationError,
        code: 'invalid_api_key',
      });
      await expect(client.chat.completions.create({ model: 'nope', messages: [...messages] })).rejects.toMatchObject({
        constructor: OpenAI.NotFoundError,
        code: 'model_not_found',
        requestID: expect.stringMatching(/.+/),
      });
    });
  });

  describe('ai with @ai-sdk/openai', () => {
    const getWeather = tool({
      description: 'Current weather of a city',
      inputSchema: z.object({ city: z.string() }),
      execute: ({ city }) => `sunny in ${city}`,
    });
    const languageModel = () => createOpenAI({ baseURL: `${gateway.edge.url}/v1`, apiKey: KEY }).chat('demo');

    test('generates text', async () => {
      const { text, usage } = await generateText({ model: languageModel(), prompt: 'Hello', maxRetries: 0 });
      expect(text).toContain('You asked: "Hello"');
      expect(usage.totalTokens).toBeGreaterThan(0);
    });

    test('streams text and reports the usage', async () => {
      const result = streamText({ model: languageModel(), prompt: 'Hello, streamed', maxRetries: 0 });
      expect(await result.text).toContain('You asked: "Hello, streamed"');
      expect((await result.usage).outputTokens).toBeGreaterThan(0);
    });

    test('streams a tool call, runs the tool and streams the answer', async () => {
      const result = streamText({
        model: languageModel(),
        prompt: 'What is the weather like?',
        tools: { get_weather: getWeather },
        stopWhen: isStepCount(3),
        maxRetries: 0,
      });
      expect(await result.text).toContain('The tool answered: sunny in');
      expect((await result.steps).flatMap(({ toolCalls }) => toolCalls.map(({ toolName }) => toolName))).toEqual([
        'get_weather',
      ]);
    });
  });

  test('the provider got its own key, and never the caller’s', () => {
    const { requests } = gateway.simulator;
    expect(requests.length).toBeGreaterThan(0);
    for (const { headers, body } of requests) {
      expect(headers.authorization).toBe(`Bearer ${UPSTREAM_KEY}`);
      expect(JSON.stringify(headers) + body).not.toContain(KEY);
    }
  });

  test('no log line holds a key or what was said', () => {
    const lines = JSON.stringify([gateway.requests.all, gateway.otherLines]);
    expect(gateway.requests.all.length).toBeGreaterThan(0);
    for (const hidden of [KEY, UPSTREAM_KEY, 'sk-wrong', 'Are you there', 'weather like'])
      expect(lines).not.toContain(hidden);
  });
});
