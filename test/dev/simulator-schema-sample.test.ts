import { describe, expect, test } from 'vitest';

import { sampleOfSchema } from '../../dev/simulator/schema-sample.ts';

describe('a sample of a JSON schema', () => {
  test.each([
    [{ type: 'string', minLength: 12 }, 'sample value'],
    [{ type: 'string', maxLength: 6 }, 'sample'],
    [{ type: 'string', format: 'date' }, '2026-01-15'],
    [{ type: 'integer', minimum: 5 }, 5],
    [{ type: 'integer', exclusiveMinimum: 5 }, 6],
    [{ type: 'number', maximum: -2 }, -2],
    [{ type: ['string', 'null'] }, 'sample value'],
    [{ type: 'array', minItems: 2, items: { type: 'boolean' } }, [true, true]],
    [{ const: 'fixed' }, 'fixed'],
    [{ enum: ['a', 'b'] }, 'a'],
    [{ anyOf: [{ type: 'null' }, { type: 'string' }] }, null],
    [{ type: 'object', properties: { city: { type: 'string' } } }, { city: 'sample city' }],
    [{ $ref: '#/$defs/city', $defs: { city: { enum: ['Bergen'] } } }, 'Bergen'],
    [{ allOf: [{ type: 'integer' }, { minimum: 3 }] }, 3],
    [{}, {}],
  ])('of %j is %j', (schema, sample) => {
    expect(sampleOfSchema(schema)).toEqual(sample);
  });

  test('of a schema that refers to itself comes to an end', () => {
    const tree = { type: 'object', properties: { left: { $ref: '#' }, right: { $ref: '#' } } };
    expect(sampleOfSchema(tree)).toBeDefined();
  });
});
