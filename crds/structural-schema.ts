/* oxlint-disable eslint/no-underscore-dangle -- `_zod` is where zod tells tools what a schema is made of */
import { z } from 'zod';
import { assertRe2, twinOf, type Twin } from './rule.ts';

/** What a CustomResourceDefinition can hold of a schema: the structural schemas of the Kubernetes documentation. */
export interface StructuralSchema {
  type: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean';
  description?: string;
  default?: unknown;
  enum?: readonly string[];
  pattern?: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  minItems?: number;
  maxItems?: number;
  maxProperties?: number;
  items?: StructuralSchema;
  properties?: Readonly<Record<string, StructuralSchema>>;
  additionalProperties?: StructuralSchema;
  required?: readonly string[];
  'x-kubernetes-list-type'?: 'map' | 'set' | 'atomic';
  'x-kubernetes-list-map-keys'?: readonly string[];
  'x-kubernetes-validations'?: readonly CelValidation[];
}

export interface CelValidation {
  rule: string;
  message: string;
  fieldPath?: string;
}

/**
 * Lowers a zod schema to a structural schema, and throws on everything that the API server would not enforce as zod
 * does. What it throws on is a mistake in a schema of ours, so the error names the place and the reason.
 */
export function structuralSchema(schema: z.ZodType): StructuralSchema {
  const json = z.toJSONSchema(schema, {
    target: 'openapi-3.0',
    io: 'input',
    reused: 'inline',
    unrepresentable: 'throw',
    override: ({ zodSchema, jsonSchema, path }) => {
      assertExpressible(zodSchema, path);
      applyTwins(zodSchema, jsonSchema, path);
    },
  });
  return lower(json, []);
}

const expressibleTypes = new Set(
  'object record array string number boolean enum literal optional default prefault'.split(' '),
);

const expressibleChecks = new Set(
  'min_length max_length greater_than less_than number_format string_format'.split(' '),
);

type Place = readonly (string | number)[];

function fail(place: Place, reason: string): never {
  throw new Error(
    `cannot express ${place.length === 0 ? 'the root' : place.join('.')} as a structural schema: ${reason}`,
  );
}

function assertExpressible(schema: z.core.$ZodTypes, place: Place): void {
  const { def } = schema._zod;
  if (!expressibleTypes.has(def.type)) fail(place, `it has nothing like zod's ${def.type}`);
  if ('coerce' in def && def.coerce) fail(place, 'the API server does not coerce');
  if (def.type === 'object' && def.catchall?._zod.def.type !== 'never') fail(place, 'objects must be strict');
  if (def.type === 'default' && isObject(def.innerType)) {
    fail(place, 'the default of an object must be a prefault, as the API server fills in the defaults inside it too');
  }
}

function isObject(schema: z.core.$ZodType): boolean {
  return schema._zod.def.type === 'object';
}

function applyTwins(schema: z.core.$ZodTypes, json: z.core.JSONSchema.BaseSchema, place: Place): void {
  const validations: CelValidation[] = [];
  for (const check of schema._zod.def.checks ?? []) {
    const { check: name } = check._zod.def;
    const twin = twinOf(check);
    if (twin !== undefined) applyTwin(twin, json, validations);
    else if (!expressibleChecks.has(name))
      fail(place, `its check (${name}) has no twin for the API server; use rule()`);
  }
  if (validations.length > 0) json['x-kubernetes-validations'] = validations;
}

function applyTwin(twin: Twin, json: z.core.JSONSchema.BaseSchema, validations: CelValidation[]): void {
  switch (twin.form) {
    case 'cel': {
      const { form: _, ...validation } = twin;
      validations.push(validation);
      return;
    }
    case 'keywords':
      Object.assign(json, twin.keywords);
      return;
  }
}

type Json = z.core.JSONSchema.BaseSchema;

/** Keywords that are kept as they are; any other is dropped for a reason below, or refused. */
const kept = [
  'description',
  'default',
  'enum',
  'pattern',
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
  'maxProperties',
  'required',
  'x-kubernetes-list-type',
  'x-kubernetes-list-map-keys',
  'x-kubernetes-validations',
] as const;

const translated = ['type', 'minimum', 'maximum', 'items', 'properties', 'additionalProperties', 'allOf'] as const;

const handled = new Set<string>([...kept, ...translated]);

function lower(given: Json, place: Place): StructuralSchema {
  const json = unwrapAllOf(given, place);
  for (const keyword of Object.keys(json)) {
    if (!handled.has(keyword)) fail(place, `it has no place for ${keyword}`);
  }
  const type = typeOf(json, place);
  const lowered: Record<string, unknown> = { type };
  for (const keyword of kept) if (json[keyword] !== undefined) lowered[keyword] = json[keyword];
  Object.assign(lowered, integerBounds(json));
  switch (type) {
    case 'object':
      Object.assign(lowered, lowerObject(json, place));
      break;
    case 'array':
      Object.assign(lowered, lowerArray(json, place));
      break;
    case 'string':
      assertBoundedString(json, place);
      break;
    case 'integer':
    case 'number':
    case 'boolean':
      break;
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- every keyword in it has been checked above
  return lowered as unknown as StructuralSchema;
}

/** zod wraps what it adds to a schema into an `allOf` of one. */
function unwrapAllOf(json: Json, place: Place): Json {
  if (json.allOf === undefined) return json;
  const [only, ...others] = json.allOf;
  if (only === undefined || others.length > 0) fail(place, 'an allOf of several schemas cannot be one schema');
  const { allOf: _, ...rest } = json;
  return { ...only, ...rest };
}

const structuralTypes = ['object', 'array', 'string', 'integer', 'number', 'boolean'] as const;

function typeOf(json: Json, place: Place): StructuralSchema['type'] {
  return structuralTypes.find((type) => type === json.type) ?? fail(place, 'its type must be known');
}

/** zod states the range of safe integers where there is no bound; that is no rule of ours. */
function integerBounds(json: Json): { minimum?: number; maximum?: number } {
  const { minimum, maximum } = json;
  return {
    ...(minimum === undefined || minimum === Number.MIN_SAFE_INTEGER ? {} : { minimum }),
    ...(maximum === undefined || maximum === Number.MAX_SAFE_INTEGER ? {} : { maximum }),
  };
}

function lowerObject(json: Json, place: Place): Partial<StructuralSchema> {
  const { properties, additionalProperties } = json;
  if (properties !== undefined) {
    const entries = Object.entries(properties).map(([name, property]) => {
      const inside = [...place, name];
      const lowered = lower(asSchema(property, inside), inside);
      if (lowered.description === undefined) fail(inside, 'it has no description for kubectl explain');
      return [name, lowered] as const;
    });
    // `additionalProperties: false` is left out beside properties: the API server prunes what it does not know.
    return { properties: Object.fromEntries(entries) };
  }
  if (json['maxProperties'] === undefined) fail(place, 'a map must have a bound on its entries');
  const inside = [...place, '*'];
  return { additionalProperties: lower(asSchema(additionalProperties, inside), inside) };
}

function lowerArray(json: Json, place: Place): Partial<StructuralSchema> {
  if (json.maxItems === undefined) fail(place, 'a list must have a bound on its entries');
  if (json['x-kubernetes-list-type'] === undefined)
    fail(place, 'a list must be a map or a set; use mapOf() or setOf()');
  const inside = [...place, '[]'];
  if (Array.isArray(json.items)) fail(place, 'all entries of a list must have one schema');
  const items = lower(asSchema(json.items, inside), inside);
  const keys: unknown = json['x-kubernetes-list-map-keys'];
  for (const key of Array.isArray(keys) ? keys.map(String) : []) {
    const required = items.required?.includes(key) ?? false;
    if (!required && items.properties?.[key]?.default === undefined) {
      fail(inside, `its key ${key} must be required or have a default`);
    }
  }
  return { items };
}

function asSchema(json: Json | boolean | undefined, place: Place): Json {
  return typeof json === 'object' ? json : fail(place, 'it must have a schema');
}

function assertBoundedString(json: Json, place: Place): void {
  if (json.maxLength === undefined && json.enum === undefined) fail(place, 'a string must have a maximum length');
  if (json.pattern === undefined) return;
  try {
    assertRe2(json.pattern);
  } catch (error) {
    fail(place, error instanceof Error ? error.message : String(error));
  }
}
