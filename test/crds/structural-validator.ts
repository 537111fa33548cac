import { isDeepStrictEqual } from 'node:util';
import type { StructuralSchema } from '../../crds/structural-schema.ts';

/**
 * What the API server does with a structural schema, but for CEL: fills in defaults, and names the fields that break
 * it. Small on purpose; it knows the keywords that the lowering lets through and no others.
 */
export function withDefaults(schema: StructuralSchema, value: unknown): unknown {
  if (Array.isArray(value)) {
    const { items } = schema;
    return items === undefined ? value : value.map((entry) => withDefaults(items, entry));
  }
  if (!isObject(value) || schema.properties === undefined) return value;
  const filled: Record<string, unknown> = { ...value };
  for (const [name, property] of Object.entries(schema.properties)) {
    if (filled[name] === undefined && property.default !== undefined) filled[name] = structuredClone(property.default);
    if (filled[name] !== undefined) filled[name] = withDefaults(property, filled[name]);
  }
  return filled;
}

/** The fields of `value`, which has its defaults, that break the schema, each once. */
export function brokenFields(schema: StructuralSchema, value: unknown, field: string): string[] {
  return [...new Set(broken(schema, value, field))];
}

function broken(schema: StructuralSchema, value: unknown, field: string): string[] {
  if (!hasType(schema, value)) return [field];
  if (typeof value === 'string') return breaksText(schema, value) ? [field] : [];
  if (typeof value === 'number') return inRange(value, schema.minimum, schema.maximum) ? [] : [field];
  if (Array.isArray(value)) return brokenInList(schema, value, field);
  return isObject(value) ? brokenInObject(schema, value, field) : [];
}

function hasType(schema: StructuralSchema, value: unknown): boolean {
  switch (schema.type) {
    case 'object':
      return isObject(value);
    case 'array':
      return Array.isArray(value);
    case 'integer':
      return Number.isInteger(value);
    case 'string':
    case 'number':
    case 'boolean':
      return typeof value === schema.type;
  }
}

function breaksText(schema: StructuralSchema, value: string): boolean {
  if (schema.enum !== undefined && !schema.enum.includes(value)) return true;
  return !inRange(value.length, schema.minLength, schema.maxLength);
}

function brokenInList(schema: StructuralSchema, list: readonly unknown[], field: string): string[] {
  const { items } = schema;
  const own = inRange(list.length, schema.minItems, schema.maxItems) ? [] : [field];
  const inside = list.flatMap((entry, index) => (items ? broken(items, entry, `${field}[${index}]`) : []));
  return [...own, ...inside, ...duplicates(schema, list, field)];
}

function duplicates(schema: StructuralSchema, list: readonly unknown[], field: string): string[] {
  if (schema['x-kubernetes-list-type'] === 'atomic') return [];
  const keys = schema['x-kubernetes-list-map-keys'];
  const identities = list.map((entry) => (keys && isObject(entry) ? keys.map((key) => entry[key]) : entry));
  return identities.flatMap((identity, index) => {
    const first = identities.findIndex((other) => isDeepStrictEqual(other, identity));
    return first < index ? [`${field}[${index}]`] : [];
  });
}

function brokenInObject(schema: StructuralSchema, object: Record<string, unknown>, field: string): string[] {
  const missing = (schema.required ?? []).filter((name) => object[name] === undefined);
  const own = inRange(Object.keys(object).length, undefined, schema.maxProperties) ? [] : [field];
  const inside = Object.entries(object).flatMap(([name, value]) => {
    const property = schema.properties?.[name] ?? schema.additionalProperties;
    return property === undefined ? [`${field}.${name}`] : broken(property, value, `${field}.${name}`);
  });
  return [...own, ...missing.map((name) => `${field}.${name}`), ...inside];
}

function inRange(value: number, least = Number.NEGATIVE_INFINITY, most = Number.POSITIVE_INFINITY): boolean {
  return value >= least && value <= most;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
