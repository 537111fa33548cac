import { describe, expect, test } from 'vitest';
import { meter, meterStream } from '../../../worker/pipeline/meter.ts';
import { costOf } from '../../../worker/pipeline/request-record.ts';
import { bytesOf } from '../streaming/sift.ts';
import { EventSieve } from '../../../worker/streaming/event-sieve.ts';
import { OpenAIStreamReader } from '../../../worker/dialects/openai/stream.ts';

const usage = { input: 1_000, output: 500, cachedInput: 400, reasoning: 100 };

describe('what was used', () => {
  test('is what the provider counted, where it did', () => {
    expect(meter({ usage, model: 'm' }, 'x'.repeat(10_000), 9_999)).toEqual({ usage, model: 'm', isEstimate: false });
  });

  test('is estimated from the text of both sides where it did not, and marked so', () => {
    const metered = meter({ usage: undefined, model: 'm' }, 'a request of some forty letters, or more', 7.2);
    expect(metered).toMatchObject({ model: 'm', isEstimate: true, usage: { output: 8, cachedInput: 0, reasoning: 0 } });
    expect(metered.usage?.input).toBeGreaterThan(5);
    expect(metered.usage?.input).toBeLessThan(20);
  });

  test('of a stream that broke off is what had come, in whole tokens', () => {
    const reader = new OpenAIStreamReader('chat', { dropUsage: true, choices: 1 });
    new EventSieve(reader).push(
      bytesOf('data: {"choices":[{"index":0,"delta":{"content":"half an answer to"}}]}\n\ndata: {"cho'),
    );
    const { usage: estimated, isEstimate } = meterStream(reader, '{}');
    expect(isEstimate).toBe(true);
    expect(estimated?.output).toBe(5);
  });
});

describe('what it costs', () => {
  test.each([
    [
      'cached input at its own price',
      { inputPerMillionTokens: '2.50', outputPerMillionTokens: '10', cachedInputPerMillionTokens: '1.25' },
      0.007,
    ],
    [
      'cached input like other input, where it has no price',
      { inputPerMillionTokens: '2.50', outputPerMillionTokens: '10' },
      0.0075,
    ],
    ['nothing', { inputPerMillionTokens: '0', outputPerMillionTokens: '0' }, 0],
    [
      'less than a millionth of a dollar',
      { inputPerMillionTokens: '0.000001', outputPerMillionTokens: '0' },
      0.000000001,
    ],
    ['no more digits than there are', { inputPerMillionTokens: '0.1', outputPerMillionTokens: '0.2' }, 0.0002],
  ])('counts %s', (_, pricing, dollars) => {
    expect(costOf(usage, { pricing })).toBe(dollars);
  });

  test('is unknown, and not nothing, where the model has no price', () => {
    expect(costOf(usage, {})).toBeUndefined();
  });
});
