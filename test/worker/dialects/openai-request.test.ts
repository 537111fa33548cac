import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { UpstreamChoice } from '../../../worker/dialects/dialect.ts';
import { conversationOf, parseRequest, renderRequest } from '../../../worker/dialects/openai/request.ts';
import { Failure } from '../../../worker/errors.ts';
import { otherMembers, space, writtenString, type WrittenMember } from './json-text.ts';

const RESERVED = ['model', 'stream', 'stream_options'];
const ASKED = '"stream_options":{"include_usage":true},';

describe('what goes upstream', () => {
  test('is the caller’s text, byte for byte, but for the value of the top-level model', () => {
    fc.assert(
      fc.property(anyBody(), fc.string({ minLength: 1 }), ({ text, withModel }, model) => {
        const rendered = render(text, { model, reportUsage: false });
        expect(rendered).toBe(withModel(JSON.stringify(model)));
        expect(JSON.parse(rendered)).toEqual({ ...JSON.parse(text), model });
      }),
      { numRuns: 300 },
    );
  });

  test('asks in a stream for the usage as well, and changes nothing else', () => {
    fc.assert(
      fc.property(anyBody([{ key: 'stream', keyText: '"stream"', valueText: 'true' }]), ({ text, withModel }) => {
        const rendered = render(text, { model: 'up', reportUsage: true });
        const brace = withModel('"up"').indexOf('{') + 1;
        expect(rendered).toBe(`${withModel('"up"').slice(0, brace)}${ASKED}${withModel('"up"').slice(brace)}`);
        expect(JSON.parse(rendered)).toEqual({
          ...JSON.parse(text),
          model: 'up',
          stream_options: { include_usage: true },
        });
      }),
      { numRuns: 200 },
    );
  });

  test.each([
    ['a number beyond 2^53', '{"model":"demo","seed":9007199254740993}', '{"model":"up","seed":9007199254740993}'],
    [
      'a number of many digits',
      '{"temperature":0.1000000000000000055,"model":"demo"}',
      '{"temperature":0.1000000000000000055,"model":"up"}',
    ],
    ['a model within', '{"model":"demo","metadata":{"model":"demo"}}', '{"model":"up","metadata":{"model":"demo"}}'],
    ['a key with escapes', String.raw`{"m\u006fdel":"demo"}`, String.raw`{"m\u006fdel":"up"}`],
    ['white space', '\n{ "model" :\t"demo" ,\r\n "a" : 1 }\n', '\n{ "model" :\t"up" ,\r\n "a" : 1 }\n'],
    ['a key given twice', '{"a":1,"model":"demo","a":2}', '{"a":1,"model":"up","a":2}'],
    [
      'the model given twice, of which a provider may read either',
      '{"model":"secret","model":"demo"}',
      '{"model":"up","model":"up"}',
    ],
    ['the model given twice, once not as text', '{"model":{"a":[1]},"model":"demo"}', '{"model":"up","model":"up"}'],
    [
      'text that looks like a member',
      String.raw`{"prompt":"\",\"model\":\"x","model":"demo"}`,
      String.raw`{"prompt":"\",\"model\":\"x","model":"up"}`,
    ],
    ['unknown fields', '{"model":"demo","x_new":{"a":[null,true]}}', '{"model":"up","x_new":{"a":[null,true]}}'],
    [
      'escapes in text',
      String.raw`{"model":"demo","prompt":"\u00e9\ud83d\udc4b\/"}`,
      String.raw`{"model":"up","prompt":"\u00e9\ud83d\udc4b\/"}`,
    ],
    ['a model whose name wants escapes', '{"model":"demo"}', '{"model":"a\\"b\\\\c"}', 'a"b\\c'],
  ])('keeps %s', (_, text, expected, model = 'up') => {
    expect(render(text, { model, reportUsage: true })).toBe(expected);
  });

  test('is the very same text where the model has the same name', () => {
    const text = '{ "model" : "demo" , "prompt":"x"}';
    expect(render(text, { model: 'demo', reportUsage: true })).toBe(text);
  });

  test.each([
    ['{"model":"demo","stream":true}', `{${ASKED}"model":"demo","stream":true}`],
    [
      '{"model":"demo","stream":true,"stream_options":null}',
      '{"model":"demo","stream":true,"stream_options":{"include_usage":true}}',
    ],
    [
      '{"model":"demo","stream":true,"stream_options":{}}',
      '{"model":"demo","stream":true,"stream_options":{"include_usage":true}}',
    ],
    [
      '{"stream":true,"stream_options":{ "include_obfuscation": false },"model":"demo"}',
      '{"stream":true,"stream_options":{"include_usage":true, "include_obfuscation": false },"model":"demo"}',
    ],
    [
      '{"model":"demo","stream":true,"stream_options":{"x":1,"include_usage":false}}',
      '{"model":"demo","stream":true,"stream_options":{"x":1,"include_usage":true}}',
    ],
    [
      '{"model":"demo","stream":true,"stream_options":{"include_usage":null,"include_usage":false}}',
      '{"model":"demo","stream":true,"stream_options":{"include_usage":true,"include_usage":true}}',
    ],
  ])('asks for the usage: %s', (text, expected) => {
    expect(render(text, { model: 'demo', reportUsage: true })).toBe(expected);
  });

  test.each([
    ['the caller asks itself', '{"model":"demo","stream":true,"stream_options":{"include_usage":true}}', true],
    ['nothing is streamed', '{"model":"demo"}', true],
    [
      'nothing is streamed, and that is said',
      '{"model":"demo","stream":false,"stream_options":{"include_usage":false}}',
      true,
    ],
    ['the provider refuses the option', '{"model":"demo","stream":true}', false],
  ])('leaves the options alone where %s', (_, text, reportUsage) => {
    expect(render(text, { model: 'demo', reportUsage })).toBe(text);
  });

  test('can be rendered for one backend after the other', () => {
    const request = parseRequest('completions', '{"model":"demo","stream":true}');
    expect(renderRequest(request, { model: 'first', reportUsage: true })).toBe(
      `{${ASKED}"model":"first","stream":true}`,
    );
    expect(renderRequest(request, { model: 'second', reportUsage: false })).toBe('{"model":"second","stream":true}');
  });
});

describe('what is read of a request', () => {
  test.each([
    ['{"model":"demo"}', { model: 'demo', stream: false, wantsUsage: false }],
    ['{"model":"demo","stream":null}', { model: 'demo', stream: false, wantsUsage: false }],
    ['{"model":"demo","stream":true}', { model: 'demo', stream: true, wantsUsage: false }],
    [
      '{"model":"demo","stream":true,"stream_options":{"include_usage":true}}',
      { model: 'demo', stream: true, wantsUsage: true },
    ],
    [
      '{"model":"demo","stream":true,"stream_options":{"include_usage":"yes"}}',
      { model: 'demo', stream: true, wantsUsage: false },
    ],
    ['{"model":"first","model":"last"}', { model: 'last', stream: false, wantsUsage: false }],
    [String.raw`{"model":"d\u0065mo"}`, { model: 'demo', stream: false, wantsUsage: false }],
  ])('%s', (text, expected) => {
    const { model, stream, wantsUsage } = parseRequest('completions', text);
    expect({ model, stream, wantsUsage }).toEqual(expected);
  });

  test.each([
    ['chat', { n: 3 }, 3],
    ['chat', {}, 1],
    ['chat', { n: 'many' }, 1],
    ['completions', { prompt: ['a', 'b'], n: 2 }, 4],
    ['completions', { prompt: [1, 2, 3] }, 1],
    ['completions', { prompt: [[1, 2], [3]] }, 2],
  ] as const)('of %s with %j so many choices make it whole', (operation, fields, choices) => {
    const text = JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'x' }], ...fields });
    expect(parseRequest(operation, text).choices).toBe(choices);
  });

  test('embeddings are never streamed', () => {
    expect(parseRequest('embeddings', '{"model":"demo","input":"x","stream":true}').stream).toBe(false);
  });
});

describe('a request that cannot be understood', () => {
  test.each([
    ['', 'invalid_json', undefined, 'The request body is not valid JSON: it is empty.'],
    ['{"model":"demo"', 'invalid_json', undefined, /ends too early|position 15/],
    ['{"model":"demo', 'invalid_json', undefined, /ends too early|position 14/],
    ['{"model":"demo","a" 1}', 'invalid_json', undefined, 'The request body is not valid JSON: see position 20.'],
    ['{"model":"demo","a":tru}', 'invalid_json', undefined, 'The request body is not valid JSON.'],
    ['<html>', 'invalid_json', undefined, 'The request body is not valid JSON.'],
    ['[]', 'invalid_request', undefined, 'The request body must be a JSON object.'],
    ['"model"', 'invalid_request', undefined, 'The request body must be a JSON object.'],
    ['null', 'invalid_request', undefined, 'The request body must be a JSON object.'],
    ['{}', 'invalid_request', 'model', /^Name the model in the parameter `model`/],
    ['{"model":""}', 'invalid_request', 'model', /^Name the model/],
    ['{"model":["demo"]}', 'invalid_request', 'model', /^Name the model/],
    ['{"__proto__":{"model":"demo"}}', 'invalid_request', 'model', /^Name the model/],
    ['{"model":"demo","stream":"true"}', 'invalid_request', 'stream', 'The parameter `stream` must be true or false.'],
    ['{"model":"demo"}', 'invalid_request', 'messages', 'The parameter `messages` must be a list of messages.'],
    [
      '{"model":"demo","messages":"Hi"}',
      'invalid_request',
      'messages',
      'The parameter `messages` must be a list of messages.',
    ],
    [
      '{"model":"demo","messages":[]}',
      'invalid_request',
      'messages',
      'The parameter `messages` must hold at least one message.',
    ],
    [
      '{"model":"demo","messages":[{"role":"user"},"Hi"]}',
      'invalid_request',
      'messages[1]',
      'messages[1] must be an object.',
    ],
    [
      '{"model":"demo","messages":[{"content":"Hi"}]}',
      'invalid_request',
      'messages[0].role',
      /^messages\[0\]\.role must name who speaks/,
    ],
  ])('%s is refused in a sentence that helps', (text, code, param, message) => {
    const failure = refusalOf(text);
    expect({ code: failure.code, param: failure.param }).toEqual({ code, param });
    expect(failure.message).toMatch(message);
  });

  const nested = (levels: number) =>
    `{"model":"demo","messages":[{"role":"user"}],"a":${'['.repeat(levels - 1)}${']'.repeat(levels - 1)}}`;

  test.each([101, 10_000, 1_000_000])('nests %i levels deep, which is beyond all that is used', (levels) => {
    expect(refusalOf(nested(levels))).toMatchObject({
      code: 'invalid_json',
      message: 'The request body nests deeper than 100 levels.',
    });
  });

  test('is not one of 100 levels', () => {
    expect(parseRequest('chat', nested(100)).model).toBe('demo');
  });

  test('is never quoted', () => {
    for (const text of ['{"model":"demo","messages":[secret]}', 'my secret', '{"secret" secret}', '{"a":"secret'])
      expect(refusalOf(text).message).not.toContain('secret');
  });
});

describe('what keeps a conversation at one backend', () => {
  const begin = [
    { role: 'system', content: 'Be brief.' },
    { role: 'user', content: 'First question' },
  ];
  test.each([
    ['a prompt cache key', { prompt_cache_key: 'k', metadata: { user_id: 'u' }, messages: begin }, 'k'],
    ['else its user', { metadata: { user_id: 'u' }, messages: begin }, 'u'],
    ['else how it began', { messages: begin }, 'First question'],
    [
      'parts of text',
      { messages: [{ role: 'user', content: [{ type: 'text', text: 'a' }, { type: 'image_url' }, { text: 'b' }] }] },
      'a\n\nb',
    ],
    ['nothing', { messages: [{ role: 'system', content: 'Be brief.' }] }, ''],
    [
      'nothing that is readable',
      { prompt_cache_key: 7, metadata: 'x', messages: [{ role: 'user', content: { a: 1 } }] },
      '',
    ],
  ])('is %s', (_, body, expected) => {
    expect(conversationOf('chat', body)).toBe(expected);
  });

  test('stays the same while the conversation grows', () => {
    const grown = [...begin, { role: 'assistant', content: 'An answer' }, { role: 'user', content: 'Second question' }];
    expect(conversationOf('chat', { messages: grown })).toBe(conversationOf('chat', { messages: begin }));
  });

  test('is the prompt of a completion, and nothing for embeddings, which share no cache', () => {
    expect(conversationOf('completions', { prompt: 'Once' })).toBe('Once');
    expect(conversationOf('completions', { prompt: ['Once'] })).toBe('');
    expect(conversationOf('embeddings', { input: 'Once' })).toBe('');
  });
});

interface WrittenBody {
  readonly text: string;
  /** The same text with another value of its model. */
  readonly withModel: (valueText: string) => string;
}

/** A body with any members around its model, written in any way. */
function anyBody(fixed: readonly WrittenMember[] = []): fc.Arbitrary<WrittenBody> {
  return fc
    .record({
      others: otherMembers(RESERVED),
      at: fc.nat(),
      modelKey: writtenString('model'),
      modelValue: fc.string({ minLength: 1 }).chain(writtenString),
      spaces: fc.array(space, { minLength: 40, maxLength: 40 }),
    })
    .map(({ others, at, modelKey, modelValue, spaces }) => {
      const members = [...others, ...fixed];
      const place = at % (members.length + 1);
      const withModel = (valueText: string): string => {
        const all = members.toSpliced(place, 0, { key: 'model', keyText: modelKey, valueText });
        const written = all.map(
          ({ keyText, valueText: value }, i) =>
            `${spaces[4 * i]}${keyText}${spaces[4 * i + 1]}:${spaces[4 * i + 2]}${value}${spaces[4 * i + 3]}`,
        );
        return `${spaces[38]}{${written.join(',')}}${spaces[39]}`;
      };
      return { text: withModel(modelValue), withModel };
    });
}

function render(text: string, choice: UpstreamChoice): string {
  return renderRequest(parseRequest('completions', text), choice);
}

function refusalOf(text: string): Failure {
  try {
    parseRequest('chat', text);
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error('it was understood');
}
