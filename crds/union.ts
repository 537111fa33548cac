import type { z } from 'zod';
import { rule } from './rule.ts';

type Typed = { type: string };

/** For every value of `type` the field that belongs to it, or null where the type says everything. */
type FieldByType<Value extends Typed> = Readonly<Record<Value['type'], Exclude<keyof Value & string, 'type'> | null>>;

type OwnField<Value extends Typed, Fields extends FieldByType<Value>> = NonNullable<Fields[Value['type']]>;

type Flat<Value> = { [Key in keyof Value]: Value[Key] };

type Variant<Value extends Typed, Fields extends FieldByType<Value>, Type extends Value['type']> = Flat<
  { type: Type } & Omit<Value, 'type' | OwnField<Value, Fields>> & {
      [Key in Extract<keyof Value, Fields[Type]>]-?: Exclude<Value[Key], undefined>;
    } & { [Key in Exclude<OwnField<Value, Fields>, Fields[Type]>]?: undefined }
>;

/** What remains after the rules have held: a union that a switch over `type` narrows. */
export type UnionOf<Value extends Typed, Fields extends FieldByType<Value>> = {
  [Type in Value['type']]: Variant<Value, Fields, Type>;
}[Value['type']];

/**
 * A union in the shape that a structural schema can hold: one object with a `type` and an optional field for each
 * variant, and rules for each that the field is there exactly when its type is chosen.
 */
export function unionOf<
  Shape extends z.ZodRawShape & { type: z.ZodType<string> },
  const Fields extends FieldByType<z.output<z.ZodObject<Shape, z.core.$strict>> & Typed>,
>(
  object: z.ZodObject<Shape, z.core.$strict>,
  fieldByType: Fields,
): z.ZodType<
  UnionOf<z.output<z.ZodObject<Shape, z.core.$strict>> & Typed, Fields>,
  z.input<z.ZodObject<Shape, z.core.$strict>>
> {
  const types = Object.entries<string | null>(fieldByType);
  const rules = types.flatMap(([type, field]) => (field === null ? [] : variantRules(type, field, types.length)));
  const checked: z.ZodType = object.check(...rules);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the rules above make the narrower type true, and zod cannot derive it from them
  return checked as z.ZodType<
    UnionOf<z.output<z.ZodObject<Shape, z.core.$strict>> & Typed, Fields>,
    z.input<z.ZodObject<Shape, z.core.$strict>>
  >;
}

function variantRules(type: string, field: string, types: number): z.core.$ZodCheck<Record<string, unknown>>[] {
  const wanted = rule<Record<string, unknown>>({
    holds: (value) => value['type'] !== type || value[field] !== undefined,
    cel: `self.type != '${type}' || has(self.${field})`,
    sentence: `is required when type is ${type}`,
    at: field,
  });
  // Where there is one type only, nothing could break the second rule.
  if (types === 1) return [wanted];
  const unwanted = rule<Record<string, unknown>>({
    holds: (value) => value['type'] === type || value[field] === undefined,
    cel: `self.type == '${type}' || !has(self.${field})`,
    sentence: `must be absent unless type is ${type}`,
    at: field,
  });
  return [wanted, unwanted];
}
