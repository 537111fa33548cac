import type { StructuralSchema } from '../../crds/structural-schema.ts';

/** The sentences of all CEL rules in a schema, or only of those that compare with the past. */
export function celSentences(schema: StructuralSchema, which: 'all' | 'transitions' = 'all'): Set<string> {
  const own = (schema['x-kubernetes-validations'] ?? [])
    .filter(({ rule }) => which === 'all' || rule.includes('oldSelf'))
    .map(({ message }) => message);
  const inner = [schema.items, schema.additionalProperties, ...Object.values(schema.properties ?? {})];
  const inside = inner.flatMap((child) => (child === undefined ? [] : [...celSentences(child, which)]));
  return new Set([...own, ...inside]);
}
