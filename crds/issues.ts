import { z } from 'zod';
import { closestName } from './closest-name.ts';

/** What is wrong, and where: `path` leads to the value, or to where it is missing. */
export interface Issue {
  path: readonly (string | number)[];
  sentence: string;
}

/** The way to a value as kubectl writes it, such as `spec.keys[0].sha256`. */
export function fieldOf(path: readonly (string | number)[]): string {
  let field = '';
  for (const step of path) {
    if (typeof step === 'number') field += `[${step}]`;
    else if (/^[A-Za-z_][A-Za-z0-9_-]*$/.test(step)) field += field === '' ? step : `.${step}`;
    else field += `[${step}]`;
  }
  return field;
}

export function describeIssue(issue: Issue): string {
  return issue.path.length === 0 ? issue.sentence : `${fieldOf(issue.path)}: ${issue.sentence}`;
}

/** Between the sentences of one zod issue that speaks of several unknown fields. */
const separator = '\n';

export function issuesOf(error: z.ZodError): Issue[] {
  return error.issues.flatMap((issue) => {
    const path = issue.path.map((step) => (typeof step === 'number' ? step : String(step)));
    if (issue.code !== 'unrecognized_keys') return [{ path, sentence: issue.message }];
    const sentences = issue.message.split(separator);
    return issue.keys.map((key, index) => ({ path: [...path, key], sentence: sentences[index] ?? 'unknown field' }));
  });
}

/** zod's own issues in the words of this project; rules bring their own sentences. */
export function sentenceOf(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined ? 'is required' : wrongType(issue.expected, issue.input);
    case 'invalid_value':
      return issue.input === undefined ? 'is required' : oneOf(issue.values.map(String), issue.input);
    case 'too_big':
      return size('at most', Number(issue.maximum), issue.input);
    case 'too_small':
      return size('at least', Number(issue.minimum), issue.input);
    case 'unrecognized_keys':
      return issue.keys.map((key) => unknownField(key, knownFields(issue.inst))).join(separator);
    // Rules are `custom` and bring their sentence; the others come from no schema of ours.
    case 'custom':
    case 'invalid_element':
    case 'invalid_format':
    case 'invalid_key':
    case 'invalid_union':
    case 'not_multiple_of':
      return undefined;
  }
}

const names: Readonly<Record<string, string>> = {
  string: 'a string',
  int: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'a map of strings',
};

/** Says what kind of thing was found and never what it is: a value in the wrong place may be somebody's key. */
function wrongType(expected: string, input: unknown): string {
  const wanted = `must be ${names[expected] ?? expected}`;
  if (input === null) return `${wanted}, but is empty: give it a value or delete the line`;
  if (Array.isArray(input)) return `${wanted}, not a list`;
  if (typeof input === 'object') return `${wanted}, not an object`;
  if (expected === 'int' && typeof input === 'number') return wanted;
  const hint = expected === 'string' ? ': put it in quotes' : '';
  return `${wanted}, not a ${typeof input}${hint}`;
}

function oneOf(values: readonly string[], input: unknown): string {
  const wanted = values.length === 1 ? `must be ${values[0]}` : `must be one of ${values.join(', ')}`;
  if (typeof input !== 'string') return wanted;
  const shown = input.length > 64 ? `${input.slice(0, 64)}…` : input;
  return `${wanted}; not "${shown}"`;
}

function size(bound: 'at most' | 'at least', limit: number, input: unknown): string {
  if (typeof input === 'string') {
    return `must have ${bound} ${limit} ${limit === 1 ? 'character' : 'characters'}, and has ${input.length}`;
  }
  if (Array.isArray(input)) {
    return `must have ${bound} ${limit} ${limit === 1 ? 'entry' : 'entries'}, and has ${input.length}`;
  }
  return `must be ${bound} ${limit}`;
}

function unknownField(key: string, known: readonly string[]): string {
  const meant = closestName(key, known);
  return meant === undefined ? 'unknown field' : `unknown field; did you mean ${meant}?`;
}

function knownFields(inst: unknown): string[] {
  return inst instanceof z.ZodObject ? Object.keys(inst.shape) : [];
}
