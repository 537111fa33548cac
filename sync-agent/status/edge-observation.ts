import { isDeepStrictEqual } from 'node:util';
import type { Generation } from '../../contract/routing-table.ts';
import type { HeldTable } from '../plan.ts';
import { spreadOf, type EdgeWord } from './programmed.ts';

/** What is known of an edge itself; what is absent is not known (yet). */
export interface EdgeObservation {
  /** What the edge holds. */
  readonly published?: { readonly revision: string; readonly generation: Generation; readonly time: string };
  /** What the probe and every isolate that was heard of served when they last agreed. */
  readonly served?: { readonly revision: string; readonly generation: Generation };
  /** How many isolates serve which revision, sorted by it. */
  readonly isolates?: readonly { readonly revision: string; readonly count: number }[];
  /** From the publication of what is served to when everything served it. */
  readonly propagationSeconds?: number;
  /** Why the last pass did not reach the edge. Absent: it did. */
  readonly lastError?: { readonly time: string; readonly message: string };
}

export const NOTHING_OBSERVED: EdgeObservation = {};

/** A pass has reached the edge. @param held what it left there */
export function afterPass(before: EdgeObservation, held: HeldTable | null): EdgeObservation {
  const { lastError, ...rest } = before;
  if (!held) return lastError ? rest : before;
  const { generation, issuedAt } = held.pointer;
  return { ...rest, published: { revision: held.revision, generation, time: issuedAt } };
}

/** @param now milliseconds since the epoch */
export function afterFailure(before: EdgeObservation, message: string, now: number): EdgeObservation {
  if (before.lastError?.message === message) return before;
  return { ...before, lastError: { time: new Date(now).toISOString(), message } };
}

/** @param publishedAt when what is served was published, if it was by us; milliseconds since the epoch */
export function afterWord(
  before: EdgeObservation,
  word: EdgeWord,
  now: number,
  publishedAt: number | undefined,
): EdgeObservation {
  const isolates = isolatesOf(word);
  const { published, served } = before;
  if (!published || !spreadOf(published.revision, word).everywhere) return { ...before, isolates };
  const { revision, generation } = published;
  const isNew = served?.revision !== revision || !isDeepStrictEqual(served.generation, generation);
  const isMeasured = isNew && publishedAt !== undefined;
  return {
    ...before,
    isolates,
    served: { revision, generation },
    ...(isMeasured && { propagationSeconds: Math.max(0, now - publishedAt) / 1000 }),
  };
}

/** Isolates that serve nothing have no revision to be counted by. */
function isolatesOf({ state }: EdgeWord): NonNullable<EdgeObservation['isolates']> {
  const counts = new Map<string, number>();
  for (const { revision, count } of state.serving)
    if (revision !== null) counts.set(revision, (counts.get(revision) ?? 0) + count);
  return [...counts]
    .map(([revision, count]) => ({ revision, count }))
    .sort((a, b) => (a.revision < b.revision ? -1 : 1));
}
