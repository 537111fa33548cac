import { describe, expect, test } from 'vitest';
import { describeIssue, fieldOf } from '../../crds/issues.ts';
import { isKind, kinds, type Kind } from '../../crds/kinds.ts';
import { parseResource } from '../../crds/parse-resource.ts';
import { celSentences } from './cel-sentences.ts';
import { corpusFiles, type CorpusFile } from './corpus.ts';
import { structuralSchema } from '../../crds/structural-schema.ts';
import { brokenFields, withDefaults } from './structural-validator.ts';

const valid = corpusFiles('valid');
const invalid = corpusFiles('invalid');

function ownKind({ kind = '' }: CorpusFile['object']): Kind | undefined {
  return isKind(kind) ? kind : undefined;
}

const specSchemas = Object.fromEntries(
  Object.values(kinds).map(({ kind, spec }) => [kind, structuralSchema(spec)] as const),
);

function specSchema(kind: Kind) {
  const schema = specSchemas[kind];
  if (schema === undefined) throw new Error(`no schema of ${kind}`);
  return schema;
}

describe('a valid resource', () => {
  test.each(valid)('$name is accepted', ({ object }) => {
    expect(parseResource(object)).toMatchObject({ outcome: 'resource' });
  });

  test.each(valid.filter(({ object }) => ownKind(object)))(
    '$name has the defaults that the CRD gives',
    ({ object }) => {
      const kind = ownKind(object) ?? 'Consumer';
      const parsed = parseResource(object);
      const withThose = withDefaults(specSchema(kind), object.spec);

      expect(parsed.outcome === 'resource' && 'spec' in parsed.resource && parsed.resource.spec).toEqual(withThose);
      expect(brokenFields(specSchema(kind), withThose, 'spec')).toEqual([]);
    },
  );
});

describe('an invalid resource', () => {
  test.each(invalid)('$name is refused with the sentences that it names', ({ object, errors }) => {
    const parsed = parseResource(object);

    expect(errors).not.toEqual([]);
    expect(parsed.outcome === 'invalid' && parsed.issues.map(describeIssue)).toEqual(errors);
  });

  test.each(invalid.filter(({ object }) => ownKind(object) && object.spec))(
    '$name breaks the structural schema where no CEL rule refuses it',
    ({ object }) => {
      const kind = ownKind(object) ?? 'Consumer';
      const parsed = parseResource(object);
      const sentences = celSentences(specSchema(kind));
      const rest = (parsed.outcome === 'invalid' ? parsed.issues : []).filter(
        ({ path, sentence }) => path[0] === 'spec' && !sentences.has(sentence),
      );
      const broken = brokenFields(specSchema(kind), withDefaults(specSchema(kind), object.spec), 'spec');

      expect(broken.toSorted()).toEqual(rest.map(({ path }) => fieldOf(path)).toSorted());
    },
  );

  test.each(Object.values(kinds))('there is one for every rule of $kind', ({ kind, spec }) => {
    const seen = new Set(
      invalid.filter(({ object }) => ownKind(object) === kind).flatMap(({ errors }) => errors.map(withoutField)),
    );
    const transitions = new Set(celSentences(structuralSchema(spec), 'transitions'));
    const untried = [...celSentences(structuralSchema(spec))].filter(
      (sentence) => !seen.has(sentence) && !transitions.has(sentence),
    );

    expect(untried).toEqual([]);
  });
});

function withoutField(error: string): string {
  return error.slice(error.indexOf(': ') + 2);
}
