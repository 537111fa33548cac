import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MalformedAnswer, type StreamReader } from '../../../worker/dialects/dialect.ts';
import { EventSieve } from '../../../worker/streaming/event-sieve.ts';
import { anyChunksOf, bytesOf, piecesOf, sift } from './sift.ts';

describe('events are read as the specification of server-sent events says', () => {
  test.each([
    ['a field with a space after its colon', 'data: a\n\n', [['a', undefined]]],
    ['a field without one', 'data:a\n\n', [['a', undefined]]],
    ['a second space, which belongs to the value', 'data:  a\n\n', [[' a', undefined]]],
    ['several lines of data', 'data: a\ndata: b\n\n', [['a\nb', undefined]]],
    ['a field without colon', 'data\n\n', [['', undefined]]],
    ['a named event', 'event: error\ndata: a\n\n', [['a', 'error']]],
    ['the name after the data', 'data: a\nevent: error\n\n', [['a', 'error']]],
    ['fields that are not known', 'id: 7\nretry: 10\nfoo: b\ndata: a\n\n', [['a', undefined]]],
    ['a comment', ': ping\n\ndata: a\n\n', [['a', undefined]]],
    ['a comment within an event', 'data: a\n: ping\n\n', [['a', undefined]]],
    ['an event without data', 'event: ping\n\ndata: a\n\n', [['a', undefined]]],
    ['blank lines without end', '\n\n\n\ndata: a\n\n\n\n\n', [['a', undefined]]],
    [
      'CR LF',
      'event: x\r\ndata: a\r\n\r\ndata: b\r\n\r\n',
      [
        ['a', 'x'],
        ['b', undefined],
      ],
    ],
    [
      'CR',
      'event: x\rdata: a\r\rdata: b\r\r',
      [
        ['a', 'x'],
        ['b', undefined],
      ],
    ],
    [
      'line ends that change',
      'data: a\r\n\ndata: b\n\r\ndata: c\n\n',
      [
        ['a', undefined],
        ['b', undefined],
        ['c', undefined],
      ],
    ],
    ['a byte order mark', '\uFEFFdata: a\n\n', [['a', undefined]]],
  ])('%s', (_, stream, events) => {
    const whole = recorder();
    sift([bytesOf(stream)], whole);
    const bytewise = recorder();
    sift(piecesOf(bytesOf(stream), 1), bytewise);
    expect(whole.events).toEqual(events);
    expect(bytewise.events).toEqual(events);
  });
});

describe('any chunking of a stream', () => {
  test('passes the same bytes, and shows its reader the same events', () => {
    fc.assert(
      fc.property(
        anyStream.chain((stream) => fc.tuple(fc.constant(stream), anyChunksOf(bytesOf(stream.text)))),
        ([stream, chunks]) => {
          const reader = recorder((data) => data.startsWith('drop'));
          const { forwarded } = sift(chunks, reader);
          expect(reader.events.map(([data]) => data)).toEqual(stream.events.map(({ data }) => data));
          expect(forwarded).toBe(stream.kept);
        },
      ),
      { numRuns: 400 },
    );
  });

  test('passes bytes that are no UTF-8 as they came', () => {
    const stream = Uint8Array.of(
      ...bytesOf('data: a'),
      0xff,
      0xc3,
      0x0a,
      0x0a,
      ...bytesOf('data: drop\n\ndata: b'),
      0xe4,
      0xb8,
      0x0a,
      0x0a,
    );
    const expected = [...bytesOf('data: a'), 0xff, 0xc3, 0x0a, 0x0a, ...bytesOf('data: b'), 0xe4, 0xb8, 0x0a, 0x0a];
    for (const size of [1, 2, 3, stream.length]) {
      const sieve = new EventSieve(recorder((data) => data === 'drop'));
      const passed = piecesOf(stream, size).flatMap((piece) => [...(sieve.push(piece) ?? [])]);
      expect([...passed, ...(sieve.finish() ?? [])]).toEqual(expected);
    }
  });
});

describe('what passes', () => {
  test('is the very chunk where nothing is dropped or unfinished, not a copy', () => {
    const sieve = new EventSieve(recorder());
    const chunk = bytesOf('data: a\n\ndata: b\n\n');
    expect(sieve.push(chunk)).toBe(chunk);
  });

  test.each(['\n', '\r\n'])('holds no event back beyond its last byte (line end %j)', (lineEnd) => {
    const sieve = new EventSieve(recorder());
    const event = bytesOf(`data: a${lineEnd}${lineEnd}`);
    for (const byte of event.subarray(0, -1)) expect(sieve.push(Uint8Array.of(byte))).toBeUndefined();
    expect(sieve.push(event.subarray(-1))).toEqual(event);
  });

  test('stands between two events, so that a comment can be put in after it', () => {
    const sieve = new EventSieve(recorder());
    expect(text(sieve.push(bytesOf('data: a\n\ndata: half')))).toBe('data: a\n\n');
    expect(text(sieve.push(bytesOf(' more\n\ndata:')))).toBe('data: half more\n\n');
  });
});

describe('the end of a stream', () => {
  test('without its blank line completes an event that is whole, for readers that wait for the line', () => {
    expect(sift([bytesOf('data: a\n\ndata: {"b":1}')], jsonReader()).forwarded).toBe('data: a\n\ndata: {"b":1}\n\n');
    expect(sift([bytesOf('data: a\n\ndata: {"b":1}\n')], jsonReader()).forwarded).toBe(
      'data: a\n\ndata: {"b":1}\n\n\n',
    );
  });

  test('passes nothing of an event that was cut, and calls that no fault of the events before it', () => {
    expect(sift([bytesOf('data: a\n\ndata: {"b":')], jsonReader())).toEqual({
      forwarded: 'data: a\n\n',
      fault: undefined,
    });
  });

  test('passes no beginning of a line that says nothing', () => {
    expect(sift([bytesOf('data: a\n\n: pi')], recorder()).forwarded).toBe('data: a\n\n');
  });
});

describe('an unreadable event', () => {
  test('stops the stream before it, in any chunking', () => {
    const stream = bytesOf('data: a\n\ndata: b\n\ndata: {"c":\n\ndata: d\n\n');
    fc.assert(
      fc.property(anyChunksOf(stream), (chunks) => {
        expect(sift(chunks, jsonReader())).toEqual({ forwarded: 'data: a\n\ndata: b\n\n', fault: 'not JSON' });
      }),
    );
  });

  test('that does not end within 8 MiB stops the stream, without its cost growing by its square', () => {
    const sieve = new EventSieve(recorder());
    const piece = bytesOf('x'.repeat(1024));
    let pieces = 0;
    while (!sieve.fault && pieces < 10_000) {
      expect(sieve.push(piece)).toBeUndefined();
      pieces++;
    }
    expect(sieve.fault?.message).toBe('it sent an event that does not end');
    expect(pieces).toBe(8 * 1024 + 1);
  });

  test('is not one of 7 MiB, such as an image', () => {
    const event = `data: ${'x'.repeat(7 * 1024 * 1024)}\n\n`;
    const { forwarded, fault } = sift(piecesOf(bytesOf(event), 100_000), recorder());
    expect(fault).toBeUndefined();
    expect(forwarded === event).toBe(true);
  });
});

test('a mistake of the reader itself is not taken for the stream’s', () => {
  const reader = {
    ...recorder(),
    read: () => {
      throw new RangeError('a bug');
    },
  };
  expect(() => new EventSieve(reader).push(bytesOf('data: a\n\n'))).toThrow(RangeError);
});

interface Recorder extends StreamReader {
  readonly events: [data: string, event: string | undefined][];
}

function recorder(drops: (data: string) => boolean = () => false): Recorder {
  const events: [string, string | undefined][] = [];
  return {
    events,
    read(data, event) {
      events.push([data, event]);
      return drops(data) ? 'Drop' : 'Pass';
    },
    hasContent: true,
    hasEnded: false,
    isWhole: true,
    error: undefined,
    facts: { usage: undefined, model: undefined },
    estimatedOutput: 0,
  };
}

/** Takes an event that begins like JSON only where it is whole. */
function jsonReader(): StreamReader {
  return {
    ...recorder(),
    read(data) {
      if (data.startsWith('{') && !data.endsWith('}')) throw new MalformedAnswer('not JSON');
      return 'Pass';
    },
  };
}

interface MadeStream {
  readonly text: string;
  readonly events: readonly { readonly data: string }[];
  /** The text without the events that are dropped. */
  readonly kept: string;
}

const line = fc.string({
  unit: fc.constantFrom('a', ' ', ':', '{', '"', 'é', '世', '👋', '\u2028', '\uFEFF', '\0'),
  maxLength: 12,
});
const block = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constantFrom('keep', 'drop'),
      lines: fc.array(line, { minLength: 1, maxLength: 3 }),
      name: fc.option(fc.constantFrom('error', 'x')),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('comment'),
      lines: fc.array(line, { minLength: 1, maxLength: 1 }),
      name: fc.constant(null),
    }),
  },
);

/** Events and comments, each with bytes of its own, so that what must pass is known without parsing. */
const anyStream: fc.Arbitrary<MadeStream> = fc
  .record({ blocks: fc.array(block, { maxLength: 8 }), lineEnd: fc.constantFrom('\n', '\r\n') })
  .map(({ blocks, lineEnd }) => {
    const made = blocks.map(({ type, lines, name }) => {
      const fields =
        type === 'comment'
          ? lines.map((text) => `: ${text}`)
          : [...(name === null ? [] : [`event: ${name}`]), `data: ${type}`, ...lines.map((text) => `data: ${text}`)];
      return { type, text: `${fields.join(lineEnd)}${lineEnd}${lineEnd}`, data: [type, ...lines].join('\n') };
    });
    return {
      text: made.map(({ text }) => text).join(''),
      events: made.filter(({ type }) => type !== 'comment'),
      kept: made
        .filter(({ type }) => type !== 'drop')
        .map(({ text }) => text)
        .join(''),
    };
  });

function text(bytes: Uint8Array | undefined): string {
  return new TextDecoder().decode(bytes);
}
