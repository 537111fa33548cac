import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import * as z from 'zod';
import type { Operation } from '../../contract/routing-table.ts';
import { readError } from '../../worker/dialects/openai/errors.ts';
import { readAnswer } from '../../worker/dialects/openai/response.ts';
import { anyChunksOf, bytesOf, piecesOf, readOpenAI } from '../worker/streaming/sift.ts';

/** Traffic of real providers, which is no part of this project: its README tells the form of each folder. */
const RECORDINGS = join(import.meta.dirname, '../../../shared/recordings');

test.runIf(existsSync(RECORDINGS))(
  'recorded traffic is at hand in ../shared/recordings, else nothing is replayed',
  () => {
    expect(streams.length + wholes.length).toBeGreaterThan(0);
  },
);

const reported = z.object({
  prompt_tokens: z.number(),
  completion_tokens: z.number().default(0),
  prompt_tokens_details: z.object({ cached_tokens: z.number().default(0) }).nullish(),
  completion_tokens_details: z.object({ reasoning_tokens: z.number().default(0) }).nullish(),
});
const answer = z.object({
  model: z.string().optional(),
  choices: z.array(z.unknown()).optional(),
  usage: reported.nullish(),
  x_groq: z.object({ usage: reported.optional() }).nullish(),
});
const refusal = z.object({ error: z.object({ message: z.string(), code: z.string().nullable(), type: z.string() }) });
const cassette = z.object({
  interactions: z.array(
    z.object({
      request: z.object({ url: z.string(), body: z.string() }),
      response: z.object({ code: z.number(), body: z.string() }),
    }),
  ),
});

/** Anything of an answer itself: there are answers that spend all their tokens on thoughts that are not shown. */
const CONTENT = /"(content|text|reasoning|reasoning_content|arguments)":"[^"]|"tool_calls":\[\{/;

interface Recorded {
  readonly name: string;
  readonly operation: Operation;
  /** The data of its events, [DONE] among them where it was sent. */
  readonly events: readonly string[];
}

const streams: readonly Recorded[] = [
  ...filesOf('openai-chat', '.chunks.txt').map((name) => ({
    name,
    operation: 'chat' as const,
    events: [...linesOf(name), '[DONE]'],
  })),
  ...filesOf('openai-compatible', '.chunks.txt').flatMap((name) => [
    { name, operation: 'chat' as const, events: linesOf(name) },
    { name: `${name}, then [DONE]`, operation: 'chat' as const, events: [...linesOf(name), '[DONE]'] },
  ]),
  ...interactions()
    .filter(({ body }) => body.startsWith('data: '))
    .map(({ name, operation, body }) => ({
      name,
      operation,
      events: body.split('\n').flatMap((line) => (line.startsWith('data: ') ? [line.slice(6)] : [])),
    })),
];

describe.each(streams)('the recorded stream $name', ({ events, operation }) => {
  const wire = framed(events);
  const bytes = bytesOf(wire);
  const chunks = events.filter((data) => data !== '[DONE]').map((data) => answer.parse(JSON.parse(data)));

  test('is understood, with the usage that it reports', () => {
    const usages = chunks.flatMap(({ usage, x_groq }) => usage ?? x_groq?.usage ?? []);
    expect(readOpenAI([bytes], { operation })).toMatchObject({
      usage: usages.length === 0 ? undefined : usageOf(usages.at(-1)!),
      model: chunks.map(({ model }) => model).find((model) => model),
      hasContent: events.some((data) => CONTENT.test(data)),
      isWhole: true,
      fault: undefined,
      error: undefined,
    });
  });

  test('reaches the caller event by event, less the usage alone for one that did not ask', () => {
    expect(readOpenAI([bytes], { operation }).forwarded).toBe(wire);
    const kept = events.filter((data) => data === '[DONE]' || !isUsageAlone(answer.parse(JSON.parse(data))));
    expect(readOpenAI([bytes], { operation, dropUsage: true }).forwarded).toBe(framed(kept));
  });

  test('means the same in any chunks, with any line ends', () => {
    for (const form of [wire, wire.replaceAll('\n', '\r\n')]) {
      const formBytes = bytesOf(form);
      const whole = readOpenAI([formBytes], { operation, dropUsage: true });
      expect(readOpenAI(piecesOf(formBytes, 1), { operation, dropUsage: true })).toEqual(whole);
      fc.assert(
        fc.property(anyChunksOf(formBytes), (pieces) => {
          expect(readOpenAI(pieces, { operation, dropUsage: true })).toEqual(whole);
        }),
        { numRuns: 10 },
      );
    }
  });

  test('is not taken for whole without its last choice', () => {
    const last = events.findLastIndex((data) => /"finish_reason":\s*"/.test(data));
    expect(readOpenAI([bytesOf(framed(events.slice(0, last)))], { operation }).isWhole).toBe(false);
  });
});

test.runIf(streams.length > 0)('the estimates of all recorded texts together are near what was counted', () => {
  const texts = streams.flatMap(({ events, operation }) => {
    const { usage, estimatedOutput } = readOpenAI([bytesOf(framed(events))], { operation });
    return usage && usage.reasoning === 0 ? [{ counted: usage.output, estimatedOutput }] : [];
  });
  const counted = texts.reduce((sum, text) => sum + text.counted, 0);
  const estimated = texts.reduce((sum, text) => sum + text.estimatedOutput, 0);
  expect(Math.abs(estimated / counted - 1)).toBeLessThan(0.35);
});

const wholes = [
  ...[...filesOf('openai-chat', '.json'), ...filesOf('openai-compatible', '.json')].map((name) => ({
    name,
    code: 200,
    body: textOf(name),
  })),
  ...interactions().filter(({ body }) => !body.startsWith('data: ')),
];

describe.each(wholes.filter(({ code }) => code === 200))('the recorded answer $name', ({ body }) => {
  test('gives the usage that it reports, and its model', () => {
    const { model, usage } = answer.parse(JSON.parse(body));
    expect(readAnswer(body)).toEqual({ model, usage: usage ? usageOf(usage) : undefined });
  });
});

describe.each(wholes.filter(({ code }) => code >= 400))('the recorded refusal $name', ({ body }) => {
  test('says what is wrong', () => {
    const { error } = refusal.parse(JSON.parse(body));
    expect(readError(body)).toEqual({ message: error.message, code: error.code ?? error.type });
  });
});

function filesOf(folder: string, ending: string): string[] {
  const path = join(RECORDINGS, folder);
  const names = existsSync(path) ? readdirSync(path) : [];
  return names.filter((name) => name.endsWith(ending)).map((name) => join(folder, name));
}

function textOf(name: string): string {
  return readFileSync(join(RECORDINGS, name), 'utf8');
}

function linesOf(name: string): string[] {
  return textOf(name)
    .split('\n')
    .filter((line) => line.trim() !== '');
}

/** Whole HTTP interactions on the operations that are served here. */
function interactions(): { name: string; operation: Operation; code: number; body: string }[] {
  return filesOf('openai-http', '.yaml').flatMap((name) =>
    cassette.parse(parse(textOf(name))).interactions.flatMap(({ request, response }) => {
      const operation = operationAt(request.url);
      return operation ? [{ name, operation, code: response.code, body: response.body }] : [];
    }),
  );
}

function operationAt(url: string): Operation | undefined {
  const { pathname } = new URL(url);
  if (pathname.endsWith('/chat/completions')) return 'chat';
  if (pathname.endsWith('/completions')) return 'completions';
  return pathname.endsWith('/embeddings') ? 'embeddings' : undefined;
}

function framed(events: readonly string[]): string {
  return events.map((data) => `data: ${data}\n\n`).join('');
}

function isUsageAlone({ choices, usage }: z.infer<typeof answer>): boolean {
  return choices?.length === 0 && Boolean(usage);
}

function usageOf({
  prompt_tokens,
  completion_tokens,
  prompt_tokens_details,
  completion_tokens_details,
}: z.infer<typeof reported>) {
  return {
    input: prompt_tokens,
    output: completion_tokens,
    cachedInput: prompt_tokens_details?.cached_tokens ?? 0,
    reasoning: completion_tokens_details?.reasoning_tokens ?? 0,
  };
}
