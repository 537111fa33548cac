/** Locations of the edge: each has a cache and a view of KV of its own. */
export const PLACES = ['ams', 'fra', 'sin'] as const;
export type Place = (typeof PLACES)[number];
