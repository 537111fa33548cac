import * as z from 'zod';

/**
 * What an entry may demand of the worker that serves it, beyond what every worker of its schema version does. A worker
 * that does not know a feature refuses the entries that require it (500 to those whom they concern), not the table.
 */
export const KNOWN_FEATURES: readonly string[] = [];

/** A member of every entry; absent: nothing beyond the schema version. */
export const requires = z.array(z.string().min(1).max(64)).max(16).optional();

/** Those features of an entry that this build does not know. */
export function unknownFeatures({ requires }: { readonly requires?: readonly string[] | undefined }): string[] {
  return (requires ?? []).filter((feature) => !KNOWN_FEATURES.includes(feature));
}
