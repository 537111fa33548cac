import { describe, expect, test } from 'vitest';
import { FakeUpstream } from '../support/fake-upstream.ts';
import { answers, event, streams, USAGE } from '../support/openai-answers.ts';
import { errorOf, TestEdge, twoBackends } from '../support/test-edge.ts';

const PATH = '/v1/completions';
const ASKED = { model: 'demo', prompt: 'Once upon', max_tokens: 5, logprobs: 2, echo: false };

describe('a completion', () => {
  test('is passed through, and metered', async () => {
    const answer = { id: 'cmpl-1', object: 'text_completion', choices: [{ text: ' a time', index: 0 }], usage: USAGE };
    const upstream = new FakeUpstream().on('first.example', answers(answer));
    const edge = new TestEdge({ upstream });
    const response = await edge.post(PATH, ASKED);
    expect(await response.json()).toEqual(answer);
    expect(upstream.call).toMatchObject({
      url: 'https://first.example/v1/completions',
      body: { ...ASKED, model: 'upstream-demo' },
    });
    expect(await edge.record()).toMatchObject({
      'gen_ai.operation.name': 'text_completion',
      'gen_ai.usage.input_tokens': 11,
      'gen_ai.usage.output_tokens': 7,
      'fairlead.outcome': 'completed',
    });
  });

  test('may be a list of prompts, or tokens', async () => {
    const upstream = new FakeUpstream().on('first.example', answers({ choices: [], usage: USAGE }));
    const edge = new TestEdge({ upstream });
    for (const prompt of [
      ['a', 'b'],
      [1, 2, 3],
      [[1], [2]],
    ])
      expect((await edge.post(PATH, { ...ASKED, prompt })).status).toBe(200);
  });

  const part = (text: string, finishReason: string | null = null) =>
    event({ object: 'text_completion', choices: [{ index: 0, text, finish_reason: finishReason }] });
  const stream = [part(' a'), part(' time', 'stop')].join('');
  const usage = event({ object: 'text_completion', choices: [], usage: USAGE });

  test('is streamed, without the usage that its caller did not ask for', async () => {
    const upstream = new FakeUpstream().on('first.example', streams(`${stream}${usage}data: [DONE]\n\n`));
    const edge = new TestEdge({ upstream });
    const response = await edge.post(PATH, { ...ASKED, stream: true });
    expect(await response.text()).toBe(`${stream}data: [DONE]\n\n`);
    expect(upstream.call.body).toMatchObject({ stream_options: { include_usage: true } });
    expect(await edge.record()).toMatchObject({ 'gen_ai.usage.output_tokens': 7, 'fairlead.stream': true });
  });

  test('fails over before its first text', async () => {
    const upstream = new FakeUpstream()
      .on('first.example', streams(part('')))
      .on('second.example', streams(`${stream}data: [DONE]\n\n`));
    const edge = new TestEdge({ upstream, entries: twoBackends() });
    const response = await edge.post(PATH, { ...ASKED, stream: true });
    expect(await response.text()).toBe(`${stream}data: [DONE]\n\n`);
  });

  test('of an unknown model is refused as a chat is', async () => {
    const error = await errorOf(
      await new TestEdge({ upstream: new FakeUpstream() }).post(PATH, { ...ASKED, model: 'x' }),
    );
    expect(error).toMatchObject({ status: 404, code: 'model_not_found' });
  });
});
