import { z } from 'zod';
import type { Sighting, SightingWanted } from './sighting.ts';

/** Entries of the table that an edge holds, as far as they tell of services. Signed by us once, but by any release. */
export interface HeldServices {
  /** By provider id. */
  readonly providers: ReadonlyMap<string, HeldProvider>;
  /** Names by which a provider is asked for models, by its id. */
  readonly models: ReadonlyMap<string, readonly string[]>;
}

const provider = z.looseObject({
  baseURL: z.string(),
  binding: z.string().optional(),
  hostHeader: z.string().optional(),
});
const model = z.looseObject({ backends: z.array(z.looseObject({ provider: z.string(), model: z.string() })) });

type HeldProvider = z.infer<typeof provider>;

/** @param buckets of the sections `providers` and `models` */
export function readHeldServices(buckets: {
  readonly providers: readonly Uint8Array[];
  readonly models: readonly Uint8Array[];
}): HeldServices {
  const models = new Map<string, string[]>();
  for (const [, { backends }] of entriesIn(buckets.models, model))
    for (const backend of backends)
      models.set(backend.provider, [...(models.get(backend.provider) ?? []), backend.model]);
  return { providers: new Map(entriesIn(buckets.providers, provider)), models };
}

/**
 * What an edge must have seen, so that its table is as it is: an agent that starts knows no more of it, and a service that
 * happens not to answer just then would fall out of the table. Told only of services that are reached as they were.
 */
export function heldSightings(
  { providers, models }: HeldServices,
  wanted: Iterable<SightingWanted>,
): Map<string, Extract<Sighting, { readonly type: 'Seen' }>> {
  const seen = new Map<string, Extract<Sighting, { readonly type: 'Seen' }>>();
  for (const { id, entry, paths } of wanted) {
    const held = providers.get(id);
    const names = [...new Set(models.get(id))].toSorted();
    if (!held || names.length === 0 || !held.baseURL.startsWith(entry.baseURL)) continue;
    if (held.binding !== entry.binding || held.hostHeader !== entry.hostHeader) continue;
    const path = held.baseURL.slice(entry.baseURL.length);
    if (paths.includes(path)) seen.set(id, { type: 'Seen', path, models: names });
  }
  return seen;
}

function entriesIn<T>(buckets: readonly Uint8Array[], schema: z.ZodType<T>): (readonly [string, T])[] {
  const bucket = z.record(z.string(), schema);
  return buckets.flatMap((bytes) => {
    const read = bucket.safeParse(JSON.parse(new TextDecoder().decode(bytes)));
    return read.success ? Object.entries(read.data) : [];
  });
}
