import { describe, expect, test } from 'vitest';
import { FakeUpstream } from '../support/fake-upstream.ts';
import { answers } from '../support/openai-answers.ts';
import { modelEntry } from '../support/table-of-entries.ts';
import { errorOf, oneBackend, TestEdge, twoBackends } from '../support/test-edge.ts';

const PATH = '/v1/embeddings';
const ASKED = { model: 'demo', input: ['a', 'b'], encoding_format: 'float', dimensions: 2 };
const USAGE = { prompt_tokens: 2, total_tokens: 2 };
const list = (length: number, usage?: object) => ({
  object: 'list',
  data: Array.from({ length }, (_, index) => ({ object: 'embedding', index, embedding: [0.1, -0.25] })),
  model: 'embedder-1',
  ...(usage && { usage }),
});

describe('embeddings', () => {
  test.each([2, 20_000])('of %i inputs are passed through, and metered', async (count) => {
    const upstream = new FakeUpstream().on('first.example', answers(list(count, USAGE)));
    const edge = new TestEdge({ upstream });
    const response = await edge.post(PATH, ASKED);
    expect(await response.text()).toBe(JSON.stringify(list(count, USAGE)));
    expect(upstream.call).toMatchObject({
      url: 'https://first.example/v1/embeddings',
      body: { ...ASKED, model: 'upstream-demo' },
    });
    expect(await edge.record()).toMatchObject({
      'gen_ai.operation.name': 'embeddings',
      'gen_ai.usage.input_tokens': 2,
      'gen_ai.usage.output_tokens': 0,
      'fairlead.usage.estimated': false,
    });
  });

  test('that nobody counted are estimated from what was asked', async () => {
    const edge = new TestEdge({ upstream: new FakeUpstream().on('first.example', answers(list(2))) });
    await edge.post(PATH, ASKED);
    const record = await edge.record();
    expect(record).toMatchObject({ 'gen_ai.usage.output_tokens': 0, 'fairlead.usage.estimated': true });
    expect(record['gen_ai.usage.input_tokens']).toBeGreaterThan(0);
  });

  test('are never streamed, whatever is asked', async () => {
    const upstream = new FakeUpstream().on('first.example', answers(list(2, USAGE)));
    const response = await new TestEdge({ upstream }).post(PATH, { ...ASKED, stream: true });
    expect(await response.json()).toEqual(list(2, USAGE));
    expect(upstream.call.text).not.toContain('stream_options');
  });

  test('come from another backend where one fails', async () => {
    const upstream = new FakeUpstream()
      .on('first.example', answers({}, { status: 500 }))
      .on('second.example', answers(list(2, USAGE)));
    const response = await new TestEdge({ upstream, entries: twoBackends() }).post(PATH, ASKED);
    expect(await response.json()).toEqual(list(2, USAGE));
  });

  test('of a model that only chats are refused', async () => {
    const entries = oneBackend({ models: { 'default/demo': modelEntry({ operations: ['chat', 'completions'] }) } });
    const error = await errorOf(await new TestEdge({ upstream: new FakeUpstream(), entries }).post(PATH, ASKED));
    expect(error).toMatchObject({ status: 400, code: 'unsupported_operation' });
    expect(error.message).toBe('The model `demo` does not do embeddings; it does chat and completions.');
  });
});
