import * as z from 'zod';
import { canonicalJson, type Json } from '../../contract/canonical-json.ts';
import { entryAddress } from '../../contract/buckets.ts';
import { toHex } from '../../contract/encoding.ts';
import { keyIndexFault } from '../../contract/key-index.ts';
import {
  sectionSchemas,
  type BucketedKind,
  type JsonKind,
  type ModelEntry,
  type RouteEntry,
} from '../../contract/routing-table.ts';

/**
 * What the hub must know of a bucket to admit it, once its schema was checked. A blob never changes, so neither do
 * its facts: they are kept, and a push of one change validates one bucket.
 */
export const bucketFacts = z.object({
  /** Lowest and highest address of an entry: it must lie where an isolate will look for it. None: the bucket is empty. */
  range: z.tuple([z.int(), z.int()]).nullable(),
  /** Host names that its routes serve; `*` for a route without. */
  hostnames: z.array(z.string()),
  /** Model names that its routes claim and its models go by. */
  models: z.array(z.string()),
});
export type BucketFacts = z.infer<typeof bucketFacts>;

export type Inspection = { readonly facts: BucketFacts } | { readonly fault: string };

/** Whether bytes are a bucket of this kind, and what it holds. */
export function inspectBucket(kind: BucketedKind, bytes: Uint8Array): Inspection {
  return kind === 'keys' ? inspectKeys(bytes) : inspectJson(kind, bytes);
}

function inspectKeys(bytes: Uint8Array): Inspection {
  const fault = keyIndexFault(bytes);
  if (fault !== undefined) return { fault: `the key index ${fault}` };
  const records = bytes.subarray(4);
  const first = records.subarray(0, 4);
  const last = records.subarray(-16).subarray(0, 4);
  const range: BucketFacts['range'] =
    records.length === 0 ? null : [entryAddress('keys', toHex(first)), entryAddress('keys', toHex(last))];
  return { facts: { range, hostnames: [], models: [] } };
}

function inspectJson(kind: JsonKind, bytes: Uint8Array): Inspection {
  let json: Json;
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    json = JSON.parse(text);
  } catch {
    return { fault: 'it is not JSON in UTF-8' };
  }
  const names = namesIn(kind, json);
  if ('fault' in names) return names;
  // So nothing is said twice, and nothing can be read in two ways.
  if (canonicalJson(json) !== text) return { fault: 'it is not canonical JSON' };
  const ids = Object.keys(json ?? {});
  if (ids.includes('__proto__')) return { fault: 'an entry is called __proto__' };
  return { facts: { range: rangeOf(kind, ids), ...names } };
}

type Names = Pick<BucketFacts, 'hostnames' | 'models'>;

function namesIn(kind: JsonKind, json: unknown): Names | { fault: string } {
  switch (kind) {
    case 'routes':
      if (!satisfies(sectionSchemas.routes, json)) return schemaFault(sectionSchemas.routes, json);
      return namesOfRoutes(Object.values(json));
    case 'models':
      if (!satisfies(sectionSchemas.models, json)) return schemaFault(sectionSchemas.models, json);
      return namesOfModels(Object.values(json));
    case 'providers':
    case 'consumers':
    case 'secrets': {
      const schema: z.ZodType = sectionSchemas[kind];
      return satisfies(schema, json) ? { hostnames: [], models: [] } : schemaFault(schema, json);
    }
  }
}

function namesOfRoutes(routes: readonly RouteEntry[]): Names {
  return {
    hostnames: unique(routes.flatMap(({ hostnames }) => (hostnames.length === 0 ? ['*'] : hostnames))),
    models: unique(routes.flatMap(({ models }) => Object.keys(models))),
  };
}

function namesOfModels(models: readonly ModelEntry[]): Names {
  return { hostnames: [], models: unique(models.flatMap(({ modelName, aliases }) => [modelName, ...aliases])) };
}

/** The value itself is read on, as isolates will read it, and not zod's copy: that leaves out a member `__proto__`. */
function satisfies<T>(schema: z.ZodType<T>, json: unknown): json is T {
  return schema.safeParse(json).success;
}

function schemaFault(schema: z.ZodType, json: unknown): { fault: string } {
  const { error } = schema.safeParse(json);
  return { fault: error ? z.prettifyError(error).slice(0, 500) : '' };
}

function rangeOf(kind: JsonKind, ids: readonly string[]): BucketFacts['range'] {
  if (ids.length === 0) return null;
  let low = 0xffffffff;
  let high = 0;
  for (const id of ids) {
    const address = entryAddress(kind, id);
    low = Math.min(low, address);
    high = Math.max(high, address);
  }
  return [low, high];
}

function unique(names: readonly string[]): string[] {
  return [...new Set(names)];
}
