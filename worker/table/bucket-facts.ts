import * as z from 'zod';
import { canonicalJson, type Json } from '../../contract/canonical-json.ts';
import { entryAddress } from '../../contract/buckets.ts';
import { toHex } from '../../contract/encoding.ts';
import { KNOWN_FEATURES } from '../../contract/features.ts';
import { keyIndexFault } from '../../contract/key-index.ts';
import type { BucketedKind, JsonKind } from '../../contract/routing-table.ts';
import { KNOWN_SCHEMA_VERSIONS } from '../../contract/schema-version.ts';
import { areModels, areRoutes, sectionFault, type CoreModels, type CoreRoutes } from './check-section.ts';

/**
 * What the hub must know of a bucket to admit it, once its schema was checked. A blob never changes, so neither do
 * its facts: they are kept, and a push of one change validates one bucket.
 */
export const bucketFacts = z.object({
  /** Lowest and highest address of an entry: it must lie where an isolate will look for it. None: the bucket is empty. */
  range: z.tuple([z.int(), z.int()]).nullable(),
  /** What its routes claim. As small as the bucket: the facts must fit into a row as it does. */
  routes: z.array(
    z.object({
      id: z.string(),
      hostnames: z.array(z.string()),
      pathPrefix: z.string(),
      headers: z.array(z.object({ name: z.string(), value: z.string() })),
      models: z.array(z.string()),
    }),
  ),
  /** Names that its models go by. */
  models: z.array(z.string()),
});
export type BucketFacts = z.infer<typeof bucketFacts>;

/** Whose facts these are: another build may find others. The number is raised when their shape changes. */
export const FACTS_READER = `2 ${KNOWN_SCHEMA_VERSIONS.join()} ${KNOWN_FEATURES.join()}`;

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
  return { facts: { range, routes: [], models: [] } };
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
  const fault = sectionFault(kind, json);
  if (fault !== undefined) return { fault };
  // So nothing is said twice, and nothing can be read in two ways.
  if (canonicalJson(json) !== text) return { fault: 'it is not canonical JSON' };
  const ids = Object.keys(json ?? {});
  if (ids.includes('__proto__')) return { fault: 'an entry is called __proto__' };
  return {
    facts: {
      range: rangeOf(kind, ids),
      routes: kind === 'routes' && areRoutes(json) ? Object.entries(json).map(routeClaim) : [],
      models: kind === 'models' && areModels(json) ? unique(Object.values(json).flatMap(namesOf)) : [],
    },
  };
}

function routeClaim([id, route]: [string, CoreRoutes[string]]): BucketFacts['routes'][number] {
  const { hostnames, pathPrefix, headers, models } = route;
  return {
    id,
    hostnames,
    pathPrefix,
    headers: headers.map(({ name, value }) => ({ name, value })),
    models: Object.keys(models),
  };
}

function namesOf({ modelName, aliases }: CoreModels[string]): string[] {
  return [modelName, ...aliases];
}

/** Host names that a bucket's routes serve; `*` for a route without. */
export function claimedHostnames({ routes }: BucketFacts): string[] {
  return unique(routes.flatMap(({ hostnames }) => (hostnames.length === 0 ? ['*'] : hostnames)));
}

/** Model names that a bucket's routes claim and its models go by. */
export function claimedModels(facts: BucketFacts): string[] {
  return unique([...facts.routes.flatMap(({ models }) => models), ...facts.models]);
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
