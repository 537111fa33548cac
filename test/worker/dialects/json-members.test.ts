import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { JsonTooDeep, replaceIn, scanObject } from '../../../worker/dialects/json-members.ts';
import { otherMembers, space } from './json-text.ts';

describe('the members of an object', () => {
  test('are found as they were written, whatever is in them', () => {
    fc.assert(
      fc.property(otherMembers([]), fc.array(space, { minLength: 30, maxLength: 30 }), (members, spaces) => {
        const pieces = members.map(
          ({ keyText, valueText }, i) =>
            `${spaces[4 * i]}${keyText}${spaces[4 * i + 1]}:${spaces[4 * i + 2]}${valueText}${spaces[4 * i + 3]}`,
        );
        const text = `${spaces[28]}{${pieces.join(',')}${members.length === 0 ? spaces[0] : ''}}${spaces[29]}`;
        const scan = scanObject(text, 100);
        expect(scan?.members.map(({ key, start, end }) => [key, text.slice(start, end)])).toEqual(
          members.map(({ key, valueText }) => [key, valueText]),
        );
        expect(text[scan!.open - 1]).toBe('{');
      }),
      { numRuns: 300 },
    );
  });

  test.each([
    [
      '{"a":1,"a":2}',
      [
        ['a', '1'],
        ['a', '2'],
      ],
    ],
    [String.raw`{"mod\u0065l":"x"}`, [['model', '"x"']]],
    [
      String.raw`{"a\"b":"\\","c":"\\\""}`,
      [
        ['a"b', String.raw`"\\"`],
        ['c', String.raw`"\\\""`],
      ],
    ],
    [
      '{"a":{"model":"x"},"b":[{"model":"y"}]}',
      [
        ['a', '{"model":"x"}'],
        ['b', '[{"model":"y"}]'],
      ],
    ],
    [
      '{"n":123456789012345678901234567890 ,"m":-1.50e+3\n}',
      [
        ['n', '123456789012345678901234567890'],
        ['m', '-1.50e+3'],
      ],
    ],
    ['{"世":"👋"}', [['世', '"👋"']]],
    ['{}', []],
  ])('of %s', (text, members) => {
    expect(scanObject(text, 100)?.members.map(({ key, start, end }) => [key, text.slice(start, end)])).toEqual(members);
  });

  test.each(['[]', '"{}"', '17', 'null', '', '   ', '[{"model":"x"}]'])(
    'are none where the text is no object: %j',
    (text) => {
      expect(scanObject(text, 100)).toBeUndefined();
    },
  );
});

test('text that is not JSON ends the scan, and harms nothing', () => {
  const beginnings = '{"a":{"b":[1,"c\\"d",{"e":null}]},"f":"\\\\"}';
  for (let end = 0; end < beginnings.length; end++)
    expect(() => scanObject(beginnings.slice(0, end), 100)).not.toThrow();
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom('{', '}', '[', ']', ',', ':', '"', '\\', 'a', ' ', '1') }),
      (text) => {
        scanObject(text, 100);
      },
    ),
    { numRuns: 500 },
  );
});

describe('the depth', () => {
  test.each([
    [3, '{"a":[[1]]}'],
    [2, '{"a":[1],"b":[2],"c":{}}'],
    [1, '{"a":1}'],
    [2, '{"a":"[[[["}'],
    [2, '[[1]]'],
  ])('of %i levels suffices for %s', (levels, text) => {
    expect(() => scanObject(text, levels)).not.toThrow();
  });

  test.each([
    [2, '{"a":[[1]]}'],
    [1, '{"a":{}}'],
    [1, '{"a":1,"b":[]}'],
    [1, '[[1]]'],
  ])('of %i levels does not suffice for %s', (levels, text) => {
    expect(() => scanObject(text, levels)).toThrow(JsonTooDeep);
  });

  test('is refused before anything is piled up on a stack', () => {
    expect(() => scanObject('['.repeat(1_000_000), 100)).toThrow(JsonTooDeep);
    expect(() => scanObject(`{"a":${'{"a":'.repeat(1_000_000)}`, 100)).toThrow(JsonTooDeep);
  });
});

test('replacing puts texts into their places and leaves all else', () => {
  const text = 'one two three';
  const replacements = [
    { start: 0, end: 0, text: '<' },
    { start: 4, end: 7, text: '2' },
    { start: 13, end: 13, text: '>' },
  ];
  expect(replaceIn(text, replacements)).toBe('<one 2 three>');
  expect(replaceIn(text, [])).toBe(text);
});
