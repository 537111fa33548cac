import { z } from 'zod';
import { keywordCheck, rule } from './rule.ts';

type Scalar = string | number | boolean;

/** A list whose entries are told apart by `keys`, so that several appliers can each own entries of it. */
export function mapOf<Item extends z.ZodType<object>>(
  item: Item,
  keys: readonly (keyof z.output<Item> & string)[],
  bounds: { max: number; min?: number },
): z.ZodArray<Item> {
  const keywords = { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': [...keys] };
  const identify = (entry: z.output<Item>): string => JSON.stringify(keys.map((key) => entry[key]));
  const describe = (entry: z.output<Item>): string => keys.map((key) => `${key} "${String(entry[key])}"`).join(', ');
  return bounded(item, bounds).check(distinct(keywords, identify, (entry) => `another entry has ${describe(entry)}`));
}

/** A list of scalars in which none stands twice. */
export function setOf<Item extends z.ZodType<Scalar>>(
  item: Item,
  bounds: { max: number; min?: number },
): z.ZodArray<Item> {
  const keywords = { 'x-kubernetes-list-type': 'set' };
  return bounded(item, bounds).check(distinct(keywords, String, (entry) => `"${entry}" stands in this list twice`));
}

/**
 * A list that has one writer and is replaced whole. Only for what the controller writes and that has no scalar key,
 * such as the parents in a status, which the Gateway API shapes in the same way.
 */
export function atomicListOf<Item extends z.ZodType>(item: Item, bounds: { max: number }): z.ZodArray<Item> {
  return bounded(item, bounds).check(keywordCheck({ 'x-kubernetes-list-type': 'atomic' }, () => {}));
}

/** A map from strings to strings. */
export function stringMap(bounds: {
  maxEntries: number;
  maxKey: number;
  maxValue: number;
}): z.ZodRecord<z.ZodString, z.ZodString> {
  const { maxEntries, maxKey, maxValue } = bounds;
  return z.record(z.string(), z.string().max(maxValue)).check(
    keywordCheck({ maxProperties: maxEntries }, ({ value, issues }) => {
      const count = Object.keys(value).length;
      if (count > maxEntries) {
        issues.push({
          code: 'custom',
          continue: true,
          input: value,
          message: `must have at most ${maxEntries} entries, and has ${count}`,
        });
      }
    }),
    rule({
      holds: (map) => Object.keys(map).every((key) => key.length > 0 && key.length <= maxKey),
      cel: `self.all(key, size(key) > 0 && size(key) <= ${maxKey})`,
      sentence: `every key must have 1 to ${maxKey} characters`,
    }),
  );
}

function bounded<Item extends z.ZodType>(item: Item, bounds: { max: number; min?: number }): z.ZodArray<Item> {
  const list = z.array(item).max(bounds.max);
  return bounds.min === undefined ? list : list.min(bounds.min);
}

function distinct<Entry>(
  keywords: Readonly<Record<string, unknown>>,
  identify: (entry: Entry) => string,
  sentence: (entry: Entry) => string,
): z.core.$ZodCheck<Entry[]> {
  return keywordCheck(keywords, ({ value, issues }) => {
    const seen = new Set<string>();
    for (const [index, entry] of value.entries()) {
      const identity = identify(entry);
      if (seen.has(identity)) {
        issues.push({ code: 'custom', continue: true, input: entry, path: [index], message: sentence(entry) });
      }
      seen.add(identity);
    }
  });
}
