import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { canonicalJson, type Json } from '../../contract/canonical-json.ts';

const anyJson = fc.jsonValue({ maxDepth: 4 }).map((value): Json => JSON.parse(JSON.stringify(value)));

test('what was rendered reads back as the same value', () => {
  fc.assert(
    fc.property(anyJson, (value) => {
      expect(JSON.parse(canonicalJson(value))).toEqual(value);
    }),
  );
});

test('equal values give equal bytes, in whatever order their members were put', () => {
  fc.assert(
    fc.property(anyJson, fc.infiniteStream(fc.nat()), (value, randoms) => {
      expect(canonicalJson(shuffled(value, randoms))).toBe(canonicalJson(value));
    }),
  );
});

test('rendering what was rendered changes nothing', () => {
  fc.assert(
    fc.property(anyJson, (value) => {
      const text = canonicalJson(value);
      expect(canonicalJson(JSON.parse(text))).toBe(text);
    }),
  );
});

test('members are sorted by UTF-16 code units, as RFC 8785 section 3.2.3 shows', () => {
  const value = { '€': 1, '\r': 2, '\u{FB33}': 3, '1': 4, '\u{1F600}': 5, '\u0080': 6, ö: 7 };
  expect(canonicalJson(value)).toBe('{"\\r":2,"1":4,"\u0080":6,"ö":7,"€":1,"😀":5,"\uFB33":3}');
});

test('members without a value are left out, null is kept', () => {
  expect(canonicalJson({ b: undefined, a: null })).toBe('{"a":null}');
});

test('a member that is called __proto__ is a member like any other', () => {
  expect(canonicalJson(JSON.parse('{"z":1,"__proto__":{"b":1,"a":2}}'))).toBe('{"__proto__":{"a":2,"b":1},"z":1}');
});

test.each([Number.NaN, Number.POSITIVE_INFINITY])('a number that JSON cannot express is an error: %s', (value) => {
  expect(() => canonicalJson({ value })).toThrow(TypeError);
});

function shuffled(value: Json, randoms: Iterator<number>): Json {
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map((item: Json) => shuffled(item, randoms));
  const members = Object.entries(value)
    .map(([key, member]) => ({ key, member, at: Number(randoms.next().value) }))
    .toSorted((a, b) => a.at - b.at);
  const copy: Record<string, Json> = {};
  for (const { key, member } of members)
    Object.defineProperty(copy, key, {
      value: shuffled(member ?? null, randoms),
      enumerable: true,
      configurable: true,
    });
  return copy;
}
