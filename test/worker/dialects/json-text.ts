import * as fc from 'fast-check';

/** A member of a JSON object as its sender may write it, and what it means. */
export interface WrittenMember {
  readonly key: string;
  /** With quotes, and perhaps escapes. */
  readonly keyText: string;
  readonly valueText: string;
}

/** White space as JSON allows it. */
export const space = fc.constantFrom('', '', '', ' ', '\n', '\t', '\r\n', '  ');

/** A text as a JSON string, plainly or with every character as an escape. */
export function writtenString(value: string): fc.Arbitrary<string> {
  const escaped = value
    .split('')
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('');
  return fc.constantFrom(JSON.stringify(value), `"${escaped}"`);
}

const anyText = fc.string({
  unit: fc.constantFrom(
    'a',
    'model',
    '"',
    '\\',
    '\\"',
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '\n',
    'é',
    '世',
    '👋',
    '\u2028',
    ' ',
  ),
  maxLength: 8,
});

/** Numbers that a parser would not give back as they were. */
const numberText = fc.constantFrom(
  '0',
  '-0',
  '1.50',
  '9007199254740993',
  '123456789012345678901234567890',
  '1e-7',
  '1E+400',
  '0.1000000000000000055',
);

const valueText = fc.letrec<{ value: string; list: string; object: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    numberText,
    fc.constantFrom('true', 'false', 'null', '""', '[]', '{}', '{"model":"nested"}', '["model"]'),
    anyText.chain(writtenString),
    tie('list'),
    tie('object'),
  ),
  list: fc
    .array(fc.tuple(space, tie('value'), space), { maxLength: 4 })
    .map((items) => `[${items.map((item) => item.join('')).join(',')}]`),
  object: fc
    .array(
      fc.tuple(
        space,
        fc.oneof(anyText, fc.constantFrom('model', 'stream_options')).chain(writtenString),
        space,
        tie('value'),
        space,
      ),
      { maxLength: 4 },
    )
    .map((members) => `{${members.map(([a, key, b, value, c]) => `${a}${key}${b}:${value}${c}`).join(',')}}`),
})).value;

/** Members of any name but the given ones; names may come twice. */
export function otherMembers(reserved: readonly string[]): fc.Arbitrary<WrittenMember[]> {
  const key = fc
    .oneof(anyText, fc.constantFrom('a', 'messages', 'metadata', '__proto__', 'Model', 'model '))
    .filter((name) => !reserved.includes(name));
  const member = key.chain((name) => fc.record({ key: fc.constant(name), keyText: writtenString(name), valueText }));
  return fc.array(member, { maxLength: 6 });
}
