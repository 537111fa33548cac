type Schema = Record<string, unknown>;

const formatSamples: Record<string, string> = {
  date: '2026-01-15',
  'date-time': '2026-01-15T12:00:00Z',
  time: '12:00:00Z',
  email: 'user@example.com',
  uri: 'https://example.com/',
  uuid: '00000000-0000-4000-8000-000000000000',
};

/** Beyond this depth a schema is taken to refer to itself, and only required properties are filled. */
const deepest = 8;

/** Where in the schema a sample is made: the property's name colours free strings. */
type Place = { name: string; root: unknown; depth: number };

/**
 * A value that satisfies the parts of JSON Schema that tools use in practice. A free string says
 * which property it is for, so that a reader sees where the value comes from.
 */
export function sampleOfSchema(schema: unknown): unknown {
  return sampleAt(schema, { name: 'value', root: schema, depth: 0 });
}

function sampleAt(schema: unknown, place: Place): unknown {
  if (!isSchema(schema)) return `sample ${place.name}`;
  if (place.depth > 2 * deepest) return null;
  const fixed = fixedValue(schema);
  if (fixed !== undefined) return fixed.value;
  const inside = { ...place, depth: place.depth + 1 };
  const reference = schema['$ref'];
  if (typeof reference === 'string') return sampleAt(resolve(reference, place.root), inside);
  const alternative = firstOf(schema['anyOf']) ?? firstOf(schema['oneOf']);
  if (alternative !== undefined) return sampleAt(alternative, inside);
  if (Array.isArray(schema['allOf'])) {
    return sampleAt(Object.assign({}, ...schema['allOf'].filter(isSchema)), inside);
  }
  return sampleOfType(schema, inside);
}

function sampleOfType(schema: Schema, place: Place): unknown {
  const declared = schema['type'];
  const type: unknown = Array.isArray(declared) ? declared[0] : declared;
  switch (type) {
    case 'string':
      return sampleString(schema, place.name);
    case 'integer':
    case 'number':
      return sampleNumber(schema, type === 'integer');
    case 'boolean':
      return true;
    case 'null':
      return null;
    case 'array': {
      const length = Math.max(1, numberAt(schema, 'minItems') ?? 1);
      return Array.from({ length }, () => sampleAt(schema['items'], place));
    }
    default:
      return sampleObject(schema, place);
  }
}

/** Every declared property, not only the required ones: an optional one is more likely to break a client. */
function sampleObject(schema: Schema, place: Place): Schema {
  const properties = isSchema(schema['properties']) ? schema['properties'] : {};
  const required: unknown[] = Array.isArray(schema['required']) ? schema['required'] : [];
  const filled = Object.entries(properties).filter(([name]) => place.depth < deepest || required.includes(name));
  return Object.fromEntries(filled.map(([name, property]) => [name, sampleAt(property, { ...place, name })]));
}

function sampleString(schema: Schema, name: string): string {
  const format = schema['format'];
  const sample = (typeof format === 'string' ? formatSamples[format] : undefined) ?? `sample ${name}`;
  const shortest = numberAt(schema, 'minLength') ?? 0;
  return sample.padEnd(shortest, '.').slice(0, numberAt(schema, 'maxLength') ?? undefined);
}

function sampleNumber(schema: Schema, whole: boolean): number {
  const above = numberAt(schema, 'exclusiveMinimum');
  const below = numberAt(schema, 'exclusiveMaximum');
  const step = whole ? 1 : 0.5;
  const lowest = numberAt(schema, 'minimum') ?? (above === undefined ? -Infinity : above + step);
  const highest = numberAt(schema, 'maximum') ?? (below === undefined ? Infinity : below - step);
  const sample = Math.min(highest, Math.max(lowest, 1));
  return whole ? Math.ceil(sample) : sample;
}

function fixedValue(schema: Schema): { value: unknown } | undefined {
  if ('const' in schema) return { value: schema['const'] };
  if ('default' in schema) return { value: schema['default'] };
  for (const key of ['enum', 'examples']) {
    const list = schema[key];
    if (Array.isArray(list) && list.length > 0) return { value: list[0] };
  }
  return undefined;
}

function firstOf(list: unknown): unknown {
  return Array.isArray(list) ? list[0] : undefined;
}

function resolve(reference: string, root: unknown): unknown {
  const names = reference.replace(/^#\/?/, '').split('/').filter(Boolean);
  return names.reduce<unknown>(
    (at, name) => (isSchema(at) ? at[name.replaceAll('~1', '/').replaceAll('~0', '~')] : undefined),
    root,
  );
}

function numberAt(schema: Schema, key: string): number | undefined {
  const value = schema[key];
  return typeof value === 'number' ? value : undefined;
}

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
