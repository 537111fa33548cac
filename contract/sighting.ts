// As a namespace: the object `z` keeps all of zod, its locales too, in the worker's bundle.
import * as z from 'zod';
import { providerEntry, secretEntry } from './routing-table.ts';

/**
 * Which models answer behind an inference service is asked of the edge itself, by the very way that requests will go:
 * with the entry of `providers` and the sealed secrets that the table would hold.
 */
export const sightingQuestion = z.object({
  /** Id that the entry would have in `providers`, to which its secrets are sealed. */
  provider: z.string().max(400),
  entry: providerEntry,
  /** By id, those that the entry names. */
  secrets: z.record(z.string(), secretEntry),
  /** `GET {entry.baseURL}{path}/models` is tried in this order; the first that lists models counts. */
  paths: z.array(z.string().max(512)).min(1).max(8),
});

export const sightingAnswer = z.discriminatedUnion('type', [
  z.object({ type: z.literal('Seen'), path: z.string(), models: z.array(z.string().max(512)).max(1_000) }),
  /** What the edge saw in place of models, for people: never a secret, never a body. */
  z.object({ type: z.literal('NotSeen'), sentence: z.string() }),
]);

export type SightingQuestion = z.infer<typeof sightingQuestion>;
export type SightingAnswer = z.infer<typeof sightingAnswer>;
