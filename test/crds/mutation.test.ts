import { array, assert, constantFrom, oneof, property, string } from 'fast-check';
import { expect, test } from 'vitest';
import { kinds } from '../../crds/kinds.ts';
import { structuralSchema } from '../../crds/structural-schema.ts';
import { celSentences } from './cel-sentences.ts';
import { corpusFiles } from './corpus.ts';
import { brokenFields, withDefaults } from './structural-validator.ts';

type Step = string | number;

function pathsOf(value: unknown, here: readonly Step[] = []): Step[][] {
  const inner: [Step, unknown][] = Array.isArray(value)
    ? [...value.entries()]
    : Object.entries(typeof value === 'object' && value !== null ? value : {});
  return inner.flatMap(([step, child]) => [[...here, step], ...pathsOf(child, [...here, step])]);
}

function mutated(value: unknown, [step, ...rest]: readonly Step[], put: unknown): unknown {
  if (step === undefined) return put;
  if (Array.isArray(value)) return value.map((entry, index) => (index === step ? mutated(entry, rest, put) : entry));
  const fields = Object.entries(typeof value === 'object' && value !== null ? value : {});
  return Object.fromEntries(fields.map(([name, field]) => [name, name === step ? mutated(field, rest, put) : field]));
}

const anything = oneof(
  constantFrom<unknown>(undefined, null, '', 'a', 'All', 0, -1, 0.5, true, [], ['a'], ['a', 'a'], {}, { name: 'a' }),
  string({ maxLength: 300 }),
  array(string({ maxLength: 5 }), { maxLength: 40 }),
);

test.each(Object.values(kinds))('zod and the CRD refuse the same mutations of $kind', ({ kind, spec }) => {
  const schema = structuralSchema(spec);
  const sentences = celSentences(schema);
  const seeds = corpusFiles('valid')
    .map(({ object }) => object)
    .filter((object) => object.kind === kind)
    .flatMap((object) => pathsOf(object.spec).map((path) => ({ spec: object.spec, path })));

  assert(
    property(constantFrom(...seeds), anything, (seed, put) => {
      const object: unknown = JSON.parse(JSON.stringify(mutated(seed.spec, seed.path, put)));
      const byZod = (spec.safeParse(object).error?.issues ?? []).filter(({ message }) => !sentences.has(message));
      const byCrd = brokenFields(schema, withDefaults(schema, object), 'spec');

      expect(byCrd.length > 0).toBe(byZod.length > 0);
    }),
    { numRuns: 400 },
  );
});
