import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { mapOf, setOf } from '../../crds/lists.ts';
import { matches, rule } from '../../crds/rule.ts';
import { structuralSchema } from '../../crds/structural-schema.ts';

const described = (schema: z.ZodType) => z.strictObject({ field: schema.describe('A field.') });
const word = z.string().max(10);

describe('the lowering refuses', () => {
  const tree: z.ZodType = z.strictObject({
    get children() {
      return z.array(tree).max(3).describe('Children.');
    },
  });

  test.each<[string, z.ZodType, RegExp]>([
    ['a refine without its CEL twin', described(word.refine((text) => text !== 'x')), /has no twin/],
    ['a refine of an object without its CEL twin', described(word).refine(() => true), /has no twin/],
    ['a multiple, which has no bound in the structural schema', described(z.int().multipleOf(2)), /has no twin/],
    ['a transformation', described(word.transform((text) => text.length)), /pipe/],
    ['a trimming', described(word.trim()), /has no twin/],
    ['a coercion', described(z.coerce.number()), /does not coerce/],
    ['a catch', described(word.catch('x')), /catch/],
    ['a nullable field', described(word.nullable()), /nullable/],
    ['a union of shapes', described(z.union([word, z.boolean()])), /union/],
    ['an intersection', described(z.strictObject({}).and(z.strictObject({}))), /intersection/],
    ['anything at all', described(z.unknown()), /unknown/],
    ['an object that lets unknown fields pass', described(z.looseObject({})), /strict/],
    ['an object that drops unknown fields', described(z.object({})), /strict/],
    ['recursion', tree, /field|children|\$ref|Cycle/],
    ['a string without a bound', described(z.string()), /maximum length/],
    ['a list without a bound', described(z.array(word)), /bound on its entries/],
    ['a list that is neither map nor set', described(z.array(word).max(3)), /map or a set/],
    ['a map without a bound', described(z.record(z.string(), word)), /bound on its entries/],
    ['a field without a description', z.strictObject({ field: word }), /no description/],
    ['a default of an object', described(z.strictObject({}).default({})), /prefault/],
    ['a pattern that looks ahead', described(word.regex(/^(?!x)/)), /RE2 lacks/],
    ['a pattern that refers back', described(word.regex(/^(a)\1$/)), /RE2 lacks/],
    [
      'a list whose key may be absent',
      described(mapOf(z.strictObject({ name: word.describe('Name.').optional() }), ['name'], { max: 3 })),
      /required or have a default/,
    ],
  ])('%s', (_, schema, reason) => {
    expect(() => structuralSchema(schema)).toThrow(reason);
  });

  test('and says where', () => {
    const schema = z.strictObject({ outer: described(z.string()).describe('Outer.') });

    expect(() => structuralSchema(schema)).toThrow('cannot express outer.field as a structural schema');
  });

  test('a pattern of a rule that RE2 lacks, when the rule is made', () => {
    expect(() => matches(/^(?=x)/, 'must hold x')).toThrow('RE2');
  });
});

describe('the lowering', () => {
  test('writes a rule with its sentence and the field that it is about', () => {
    const schema = described(word.optional()).check(
      rule({ holds: () => true, cel: 'has(self.field)', sentence: 'is wanted', at: 'field' }),
    );

    expect(structuralSchema(schema)).toEqual({
      type: 'object',
      properties: { field: { type: 'string', maxLength: 10, description: 'A field.' } },
      'x-kubernetes-validations': [{ rule: 'has(self.field)', message: 'is wanted', fieldPath: '.field' }],
    });
  });

  test('keeps the rules of a field under its optional, its default and its description', () => {
    const checked = word.check(matches(/^a'\\$/, 'must be a'));
    const rules = [{ rule: String.raw`self.matches('^a\'\\\\$')`, message: 'must be a' }];

    for (const schema of [checked.optional(), checked.default('a'), checked.prefault('a'), checked.describe('x')]) {
      expect(structuralSchema(described(schema)).properties?.['field']?.['x-kubernetes-validations']).toEqual(rules);
    }
  });

  test('leaves fields with defaults out of the required ones, and the range of safe integers out of the bounds', () => {
    const schema = z.strictObject({
      given: z.int().describe('Given.'),
      filled: z.int().min(1).default(2).describe('Filled.'),
      names: setOf(word, { max: 2 }).default([]).describe('Names.'),
    });

    expect(structuralSchema(schema)).toEqual({
      type: 'object',
      required: ['given'],
      properties: {
        given: { type: 'integer', description: 'Given.' },
        filled: { type: 'integer', description: 'Filled.', default: 2, minimum: 1 },
        names: {
          type: 'array',
          description: 'Names.',
          default: [],
          maxItems: 2,
          items: { type: 'string', maxLength: 10 },
          'x-kubernetes-list-type': 'set',
        },
      },
    });
  });
});
