import { describe, expect, test } from 'vitest';
import { MalformedAnswer } from '../../../worker/dialects/dialect.ts';
import { readError } from '../../../worker/dialects/openai/errors.ts';
import { openai } from '../../../worker/dialects/openai/openai.ts';
import { readAnswer } from '../../../worker/dialects/openai/response.ts';

describe('a whole answer', () => {
  test('says what was used, and which model answered', () => {
    const usage = {
      prompt_tokens: 19,
      completion_tokens: 10,
      prompt_tokens_details: { cached_tokens: 8 },
      completion_tokens_details: { reasoning_tokens: 3 },
    };
    expect(readAnswer(JSON.stringify({ model: 'gpt-test', choices: [], usage }))).toEqual({
      model: 'gpt-test',
      usage: { input: 19, output: 10, cachedInput: 8, reasoning: 3 },
    });
  });

  test.each([
    [
      'embeddings use no output',
      { prompt_tokens: 7, total_tokens: 7 },
      { input: 7, output: 0, cachedInput: 0, reasoning: 0 },
    ],
    [
      'DeepSeek names the cached part in its own way',
      { prompt_tokens: 9, completion_tokens: 1, prompt_cache_hit_tokens: 6 },
      { input: 9, output: 1, cachedInput: 6, reasoning: 0 },
    ],
    ['no usage is none', undefined, undefined],
    ['usage without numbers is none', { total: 3 }, undefined],
  ])('%s', (_, usage, expected) => {
    expect(readAnswer(JSON.stringify({ choices: [], usage })).usage).toEqual(expected);
  });

  test.each([
    ['<html>busy</html>', 'not JSON'],
    ['{"choices":[', 'not JSON'],
    ['', 'not JSON'],
    ['[]', 'not an object'],
    ['null', 'not an object'],
    ['{"error":{"message":"all models are busy","code":503}}', 'an error with a status of success (503)'],
  ])('is none, so that another backend is tried: %s', (text, reason) => {
    expect(() => readAnswer(text)).toThrow(MalformedAnswer);
    expect(() => readAnswer(text)).toThrow(reason);
  });
});

describe('a very long answer', () => {
  const numbers = Array.from({ length: 60_000 }, (_, i) => i / 7).join(',');
  const usage = '"usage": {"prompt_tokens":7,"total_tokens":7,"prompt_tokens_details":{"cached_tokens":2}}';
  const read = { input: 7, output: 0, cachedInput: 2, reasoning: 0 };

  test.each([
    ['at its end', `{"data":[{"embedding":[${numbers}]}],"model":"m",${usage}}\n`],
    ['at its beginning', `{${usage},"data":[{"embedding":[${numbers}]}]}`],
    ['after text that looks like it', `{"text":"\\"usage\\": {\\"prompt_tokens\\":1}","data":[${numbers}],${usage}}`],
  ])('gives its usage %s without being parsed whole', (_, text) => {
    expect(readAnswer(text).usage).toEqual(read);
  });

  test('gives none where it has none', () => {
    expect(readAnswer(`{"data":[${numbers}]}`).usage).toBeUndefined();
    expect(readAnswer(`{"data":[${numbers}],"usage":null}`).usage).toBeUndefined();
  });

  test.each([`{"data":[${numbers}`, `<html>${numbers}</html>`, `[${numbers}]`])(
    'is none where it is no object or was cut',
    (text) => {
      expect(() => readAnswer(text)).toThrow(MalformedAnswer);
    },
  );
});

test.each([
  [
    '{"error":{"message":"No such model","type":"invalid_request_error","param":null,"code":"model_not_found"}}',
    'No such model',
    'model_not_found',
  ],
  ['{"error":{"message":"Slow down","type":"requests","code":null}}', 'Slow down', 'requests'],
  ['{"error":{"message":"Bad","code":400}}', 'Bad', '400'],
  ['{"error":"model not found"}', 'model not found', undefined],
  ['{"object":"error","message":"Bad input","type":"BadRequestError","code":400}', 'Bad input', '400'],
  ['{"detail":"Unauthorized"}', undefined, undefined],
  ['"plain"', 'plain', undefined],
  ['<html>', undefined, undefined],
  ['', undefined, undefined],
])('an error of a provider is read as far as it can be: %s', (text, message, code) => {
  expect(readError(text)).toEqual({ message, code });
});

test('a key is sent as OpenAI wants it, to the path of the operation', () => {
  const { upstream } = openai;
  expect(upstream.credentialHeader('sk-1')).toEqual(['authorization', 'Bearer sk-1']);
  expect((['chat', 'completions', 'embeddings'] as const).map((operation) => upstream.path(operation))).toEqual([
    '/chat/completions',
    '/completions',
    '/embeddings',
  ]);
});
