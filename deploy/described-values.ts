import type { z } from 'zod';
import { chartValues } from './chart-values.ts';

type Schema = z.core.JSONSchema.BaseSchema;

/** A value of the chart, in the order of the schema; groups stand before what they hold. */
export interface DescribedValue {
  readonly path: readonly string[];
  readonly description: string;
  /** Of a value that is no group. */
  readonly default?: unknown;
}

export function describedValues(schema: Schema): readonly DescribedValue[] {
  return valuesOf(schema, chartValues.parse({}), []);
}

function valuesOf(schema: Schema, defaults: unknown, path: readonly string[]): readonly DescribedValue[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, property]) => {
    if (typeof property === 'boolean') throw new Error(`${name}: a schema that is no object`);
    const here = [...path, name];
    const preset: unknown = isRecord(defaults) ? defaults[name] : undefined;
    const value: DescribedValue = { path: here, description: descriptionOf(property) };
    const isGroup = Object.keys(property.properties ?? {}).length > 0;
    return isGroup ? [value, ...valuesOf(property, preset, here)] : [{ ...value, default: preset }];
  });
}

function descriptionOf({ description = '', enum: choices }: Schema): string {
  const choice = choices === undefined ? '' : `One of ${choices.join(', ')}.`;
  return [description, choice].filter((sentence) => sentence !== '').join(' ');
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
