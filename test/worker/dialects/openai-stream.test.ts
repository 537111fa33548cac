import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Operation } from '../../../contract/routing-table.ts';
import azure from '../fixtures/azure-prompt-filter-first.sse?raw';
import withoutDone from '../fixtures/compatible-without-done.sse?raw';
import deepseek from '../fixtures/deepseek-reasoning.sse?raw';
import errorEvent from '../fixtures/error-event.sse?raw';
import errorInBand from '../fixtures/error-in-band.sse?raw';
import groq from '../fixtures/groq-usage-beside.sse?raw';
import thinking from '../fixtures/mistral-thinking-parts.sse?raw';
import mistral from '../fixtures/mistral-usage-in-last-chunk.sse?raw';
import completions from '../fixtures/openai-completions.sse?raw';
import toolCalls from '../fixtures/openai-tool-calls.sse?raw';
import openai from '../fixtures/openai-usage.sse?raw';
import openrouter from '../fixtures/openrouter-comments-and-late-usage.sse?raw';
import { anyChunksOf, bytesOf, piecesOf, readOpenAI, type Read } from '../streaming/sift.ts';

interface Golden {
  readonly from: string;
  readonly stream: string;
  readonly operation?: Operation;
  readonly usage: readonly [input: number, output: number, cachedInput: number, reasoning: number];
  readonly model: string;
  readonly hasEnded: boolean;
  /** The usage comes in a chunk that brings nothing else. */
  readonly hasUsageChunk: boolean;
}

const GOLDEN: readonly Golden[] = [
  { from: 'OpenAI', stream: openai, usage: [16, 9, 4, 2], model: 'gpt-test-2026', hasEnded: true, hasUsageChunk: true },
  {
    from: 'OpenAI, calling tools',
    stream: toolCalls,
    usage: [80, 31, 0, 0],
    model: 'gpt-test-2026',
    hasEnded: true,
    hasUsageChunk: true,
  },
  {
    from: 'OpenAI, of a completion',
    stream: completions,
    operation: 'completions',
    usage: [3, 4, 0, 0],
    model: 'gpt-test-instruct',
    hasEnded: true,
    hasUsageChunk: true,
  },
  {
    from: 'Azure, whose first chunk has no choices',
    stream: azure,
    usage: [15, 78, 0, 64],
    model: 'gpt-test-2026',
    hasEnded: true,
    hasUsageChunk: true,
  },
  {
    from: 'Groq, with its usage beside',
    stream: groq,
    usage: [21, 15, 0, 0],
    model: 'llama-test',
    hasEnded: true,
    hasUsageChunk: false,
  },
  {
    from: 'Mistral, with the usage in the last chunk',
    stream: mistral,
    usage: [13, 8, 0, 0],
    model: 'mistral-test',
    hasEnded: true,
    hasUsageChunk: false,
  },
  {
    from: 'Mistral, thinking in parts',
    stream: thinking,
    usage: [5, 7, 0, 0],
    model: 'magistral-test',
    hasEnded: true,
    hasUsageChunk: false,
  },
  {
    from: 'DeepSeek, reasoning, with comments',
    stream: deepseek,
    usage: [339, 83, 320, 39],
    model: 'deepseek-test',
    hasEnded: true,
    hasUsageChunk: false,
  },
  {
    from: 'OpenRouter, with usage after the end of the choice',
    stream: openrouter,
    usage: [8, 2, 0, 0],
    model: 'vendor/model-test',
    hasEnded: true,
    hasUsageChunk: false,
  },
];

describe.each(GOLDEN)(
  'a stream from $from',
  ({ stream, operation = 'chat', usage, model, hasEnded, hasUsageChunk }) => {
    const [input, output, cachedInput, reasoning] = usage;

    test('is understood', () => {
      expect(readOpenAI([bytesOf(stream)], { operation })).toMatchObject({
        usage: { input, output, cachedInput, reasoning },
        model,
        hasEnded,
        hasContent: true,
        isWhole: true,
        error: undefined,
        fault: undefined,
      });
    });

    test('passes untouched to a caller that asked for the usage', () => {
      expect(readOpenAI([bytesOf(stream)], { operation }).forwarded).toBe(stream);
    });

    test('loses only the extra chunk for a caller that did not', () => {
      const kept = eventsOf(stream).filter((event) => !hasUsageChunk || !/"choices":\[\],.*"usage":\{/.test(event));
      expect(eventsOf(stream).length - kept.length).toBe(hasUsageChunk ? 1 : 0);
      expect(readOpenAI([bytesOf(stream)], { operation, dropUsage: true }).forwarded).toBe(kept.join(''));
    });

    test('means the same in any chunks, with any line ends', () => {
      for (const wire of [stream, stream.replaceAll('\n', '\r\n')]) {
        const bytes = bytesOf(wire);
        for (const dropUsage of [true, false]) {
          const whole = readOpenAI([bytes], { operation, dropUsage });
          expect(withoutText(whole)).toEqual(withoutText(readOpenAI([bytesOf(stream)], { operation, dropUsage })));
          expect(readOpenAI(piecesOf(bytes, 1), { operation, dropUsage })).toEqual(whole);
          fc.assert(
            fc.property(anyChunksOf(bytes), (chunks) => {
              expect(readOpenAI(chunks, { operation, dropUsage })).toEqual(whole);
            }),
            { numRuns: 30 },
          );
        }
      }
    });

    test('is whole from the end of its last choice on, and nowhere before', () => {
      const events = eventsOf(stream);
      const last = events.findLastIndex((event) => /"finish_reason":"/.test(event));
      const whole = events.map((_, i) => readOpenAI([bytesOf(events.slice(0, i + 1).join(''))], { operation }).isWhole);
      expect(whole).toEqual(events.map((_, i) => i >= last));
    });

    test('that is cut within an event passes nothing of that event', () => {
      const bytes = bytesOf(stream);
      const ends = eventEnds(stream);
      // An event that lacks no more than its blank line is whole.
      const cuts = piecesOf(bytes, 7).map((_, i) => 7 * i + 1);
      const passed = cuts
        .filter((size) => !ends.includes(size + 1) && !ends.includes(size + 2))
        .map((size) => [size, bytesOf(readOpenAI([bytes.subarray(0, size)], { operation }).forwarded).length]);
      expect(passed).toEqual(passed.map(([size = 0]) => [size, Math.max(0, ...ends.filter((end) => end <= size))]));
    });
  },
);

describe('the answer has begun', () => {
  test.each([
    ['with text', { content: 'Hi' }, true],
    ['with reasoning, as DeepSeek and vLLM name it', { content: null, reasoning_content: 'Hm' }, true],
    ['with reasoning, as Groq and OpenRouter name it', { reasoning: 'Hm' }, true],
    ['with a refusal', { refusal: 'I cannot' }, true],
    ['with a tool call', { tool_calls: [{ index: 0, function: { name: 'f', arguments: '' } }] }, true],
    ['with a function call of old', { function_call: { name: 'f' } }, true],
    ['with parts of text', { content: [{ type: 'thinking' }] }, true],
    ['with sound', { audio: { id: 'a' } }, true],
    ['not with a role', { role: 'assistant', content: '', refusal: null }, false],
    ['not with nothing', {}, false],
    ['not with what is empty', { content: null, reasoning_content: '', tool_calls: [], audio: null }, false],
  ])('%s', (_, delta, hasContent) => {
    expect(readChunks([{ choices: [{ index: 0, delta, finish_reason: null }] }]).hasContent).toBe(hasContent);
  });
});

describe('the end of the answer', () => {
  const text = (index: number, finish: unknown = null) => ({ index, delta: { content: 'x' }, finish_reason: finish });
  test.each([
    ['comes when its choice is finished', [[text(0)], [text(0, 'stop')]], true],
    ['has not come while it goes on', [[text(0)], [text(0)]], false],
    ['has not come while one of its choices goes on', [[text(0), text(1)], [text(1, 'stop')]], false],
    [
      'comes when the last of its choices is finished',
      [[text(0), text(1)], [text(1, 'stop')], [text(0, 'length')]],
      true,
    ],
    [
      'does not come with a reason that is empty, as some write it in every chunk',
      [[text(0, '')], [text(0, '')]],
      false,
    ],
    ['is not taken back by what a provider adds to a finished choice', [[text(0, 'stop')], [text(0)]], true],
    ['has not come before anything came', [], false],
  ])('%s', (_, chunks, isWhole) => {
    expect(readChunks(chunks.map((choices) => ({ choices }))).isWhole).toBe(isWhole);
  });

  test('has not come while a choice that was asked for has not begun', () => {
    const one = `data: ${JSON.stringify({ choices: [text(0, 'stop')] })}\n\n`;
    const other = `data: ${JSON.stringify({ choices: [text(1, 'stop')] })}\n\n`;
    expect(readOpenAI([bytesOf(one)], { choices: 2 }).isWhole).toBe(false);
    expect(readOpenAI([bytesOf(one + other)], { choices: 2 }).isWhole).toBe(true);
  });

  test('comes with [DONE], whatever was left open', () => {
    expect(readOpenAI([bytesOf(`data: ${JSON.stringify({ choices: [text(0)] })}\n\ndata: [DONE]\n\n`)])).toMatchObject({
      isWhole: true,
      hasEnded: true,
    });
  });

  test('comes without [DONE] where a provider never sends it, and nobody invents one', () => {
    expect(readOpenAI([bytesOf(withoutDone)])).toMatchObject({
      isWhole: true,
      hasEnded: false,
      usage: undefined,
      forwarded: withoutDone,
    });
  });
});

describe('an error within the stream', () => {
  test.each([
    [
      'in its data',
      errorInBand,
      { message: 'The server had an error while processing your request.', code: 'server_error' },
    ],
    ['as an event of its own', errorEvent, { message: 'over capacity', code: 'over_capacity' }],
    ['as a sentence', 'data: {"error":"overloaded"}\n\n', { message: 'overloaded', code: undefined }],
    [
      'with a number for its code',
      'data: {"error":{"message":"slow down","code":429}}\n\n',
      { message: 'slow down', code: '429' },
    ],
  ])('%s reaches the caller and ends the stream, in any chunks', (_, stream, error) => {
    const bytes = bytesOf(stream);
    const events = eventsOf(stream);
    const until = events.findIndex((event) => event.includes('"error"') || event.startsWith('event: error'));
    const whole = readOpenAI([bytes], { dropUsage: true });
    expect(whole).toMatchObject({ error, isWhole: false, forwarded: events.slice(0, until + 1).join('') });
    fc.assert(
      fc.property(anyChunksOf(bytes), (chunks) => {
        expect(readOpenAI(chunks, { dropUsage: true })).toEqual(whole);
      }),
    );
  });

  test('makes no answer whole, not even a finished one', () => {
    const finished = 'data: {"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":"stop"}]}\n\n';
    expect(readOpenAI([bytesOf(`${finished}data: {"error":{"message":"late"}}\n\ndata: [DONE]\n\n`)]).isWhole).toBe(
      false,
    );
  });

  test.each([['null'], ['false'], ['""'], ['0']])(
    'is none where it is %s, at which no client stops either',
    (value) => {
      const stream = `data: {"error":${value},"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":"stop"}]}\n\n`;
      expect(readOpenAI([bytesOf(stream)])).toMatchObject({ error: undefined, isWhole: true, hasContent: true });
    },
  );

  test('that cannot be read is a fault, so that the caller is told in a way that it can read', () => {
    expect(readOpenAI([bytesOf('event: error\ndata: Internal Server Error\n\n')]).fault).toBe(
      'it sent an event that is not JSON',
    );
  });
});

describe('usage', () => {
  const usage = { prompt_tokens: 5, completion_tokens: 2 };
  test('of many reports is that of the last', () => {
    const chunks = [1, 2, 3].map((completion_tokens) => ({
      choices: [{ index: 0, delta: { content: 'x' } }],
      usage: { prompt_tokens: 5, completion_tokens },
    }));
    expect(readChunks(chunks).usage).toMatchObject({ input: 5, output: 3 });
  });

  test('that comes with choices is never dropped', () => {
    const chunks = [{ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }], usage }];
    expect(eventsOf(readChunks(chunks).forwarded)).toHaveLength(1);
  });

  test.each([
    ['null', null],
    ['a list', []],
    ['no numbers', { prompt_tokens: 'many' }],
    ['absent', undefined],
  ])('that is %s is none, and its chunk is kept', (_, value) => {
    const read = readChunks([{ choices: [], usage: value }]);
    expect(read.usage).toBeUndefined();
    expect(eventsOf(read.forwarded)).toHaveLength(1);
  });

  test('that makes no sense counts for nothing', () => {
    expect(
      readChunks([
        {
          choices: [],
          usage: { prompt_tokens: -3, completion_tokens: 'x', prompt_tokens_details: { cached_tokens: null } },
        },
      ]).usage,
    ).toEqual({
      input: 0,
      output: 0,
      cachedInput: 0,
      reasoning: 0,
    });
  });
});

test('what comes is estimated as it comes, for a stream that is cut before its usage', () => {
  const read = readChunks([
    { choices: [{ index: 0, delta: { content: 'a dozen words of plain text, more or less, to be counted' } }] },
    { choices: [{ index: 0, delta: { reasoning_content: 'and some thought' } }] },
    {
      choices: [
        {
          index: 0,
          delta: { tool_calls: [{ index: 0, function: { name: 'weather', arguments: '{"city":"Rome"}' } }] },
        },
      ],
    },
  ]);
  expect(read.estimatedOutput).toBeGreaterThan(20);
  expect(read.estimatedOutput).toBeLessThan(40);
});

test.each(['not JSON', '[1]', '"text"', '17', ''])('an event that is no object is a fault: %j', (data) => {
  expect(readOpenAI([bytesOf(`data: ${data}\n\n`)]).fault).toMatch(/^it sent an event that is not/);
});

function readChunks(chunks: readonly object[]): Read {
  return readOpenAI([bytesOf(chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`).join(''))], {
    dropUsage: true,
  });
}

function eventsOf(stream: string): string[] {
  return stream.split(/(?<=\n\n)/);
}

/** In bytes. */
function eventEnds(stream: string): number[] {
  let at = 0;
  return eventsOf(stream).map((event) => (at += bytesOf(event).length));
}

function withoutText({ forwarded: _forwarded, ...rest }: Read): Omit<Read, 'forwarded'> {
  return rest;
}
