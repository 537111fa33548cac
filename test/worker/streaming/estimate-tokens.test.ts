import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { estimateLongText, estimateTokens } from '../../../worker/streaming/estimate-tokens.ts';

/** Counted by the tokenizer o200k_base; the tolerance is what a single pass without a vocabulary can hold. */
const COUNTED = [
  {
    of: 'English',
    text: 'A gateway stands between applications and the providers of models. It checks who is calling, chooses where the request goes, and counts what was used.',
    tokens: 29,
    within: 0.4,
  },
  {
    of: 'German',
    text: 'Ein Gateway steht zwischen Anwendungen und den Anbietern von Modellen. Es prüft, wer anruft, und zählt, was verbraucht wurde.',
    tokens: 31,
    within: 0.2,
  },
  {
    of: 'Russian',
    text: 'Шлюз стоит между приложениями и поставщиками моделей. Он проверяет, кто звонит, и считает, что было использовано.',
    tokens: 29,
    within: 0.5,
  },
  {
    of: 'Chinese',
    text: '网关位于应用程序和模型提供商之间。它检查谁在调用，选择请求的去向，并统计使用量。',
    tokens: 28,
    within: 0.2,
  },
  {
    of: 'Japanese',
    text: 'ゲートウェイはアプリケーションとモデル提供者の間に立ち、呼び出し元を確認し、使用量を数えます。',
    tokens: 35,
    within: 0.2,
  },
  {
    of: 'JSON',
    text: '{"type":"function","function":{"name":"get_weather","parameters":{"type":"object","properties":{"city":{"type":"string"},"unit":{"type":"string","enum":["c","f"]}},"required":["city"]}}}',
    tokens: 47,
    within: 0.7,
  },
  { of: 'digits', text: '3141592653589793238462643383279502884197169399375105820974944592', tokens: 22, within: 1 },
  {
    of: 'code',
    text: 'for (let i = 0; i < list.length; i++) { total += list[i].value * 2; if (total > 100) return; }',
    tokens: 36,
    within: 0.2,
  },
];

test.each(COUNTED)('the estimate for $of is within $within of the count', ({ text, tokens, within }) => {
  const estimate = estimateTokens(text);
  expect(estimate).toBeGreaterThan(tokens * (1 - within));
  expect(estimate).toBeLessThan(tokens * (1 + within));
});

test.each(COUNTED.filter(({ of }) => ['Chinese', 'Japanese', 'code'].includes(of)))(
  'the estimate for $of is nearer to the count than a quarter of the characters is',
  ({ text, tokens }) => {
    expect(Math.abs(estimateTokens(text) - tokens)).toBeLessThan(Math.abs(text.length / 4 - tokens));
  },
);

describe('the estimate of a stream', () => {
  test('does not depend on where it was cut', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'grapheme' })), (parts) => {
        const sum = parts.reduce((total, part) => total + estimateTokens(part), 0);
        expect(sum).toBeCloseTo(estimateTokens(parts.join('')), 6);
      }),
    );
  });

  test('is nothing for nothing, and something for anything', () => {
    expect(estimateTokens('')).toBe(0);
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1 }), (text) => {
        expect(estimateTokens(text)).toBeGreaterThan(0);
      }),
    );
  });
});

describe('the estimate of a long text', () => {
  test('is a whole number, like a count', () => {
    expect(estimateLongText('Hello')).toBe(2);
    expect(estimateLongText('')).toBe(0);
  });

  test.each([
    ['prose', 'All that is gold does not glitter. ', 4_000],
    ['ideographs', '网关检查谁在调用。', 4_000],
    [
      'prose after instructions in another script',
      `${'网关检查谁在调用。'.repeat(3_000)}${'Say it in English. '.repeat(3_000)}`,
      1,
    ],
  ])('from samples is near that of the whole: %s', (_, part, times) => {
    const text = part.repeat(times);
    const whole = estimateTokens(text);
    expect(Math.abs(estimateLongText(text) / whole - 1)).toBeLessThan(0.3);
  });
});
