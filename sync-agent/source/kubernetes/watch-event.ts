import { z } from 'zod';
import type { ApiFailure } from '../../kubernetes/api.ts';
import { failureInWatch } from '../../kubernetes/status-failure.ts';
import { apiObject, type ApiObject } from './api-object.ts';

/** One line of a watch. */
export type WatchEvent =
  | { readonly type: 'Set' | 'Delete'; readonly object: ApiObject }
  /** Nothing up to this version is missing. `isListed`: what came before was all that there is. */
  | { readonly type: 'Bookmark'; readonly resourceVersion: string; readonly isListed: boolean }
  | { readonly type: 'Failed'; readonly failure: ApiFailure };

const line = z.object({ type: z.string(), object: z.unknown() });

const bookmark = z.object({
  metadata: z.object({ resourceVersion: z.string(), annotations: z.record(z.string(), z.string()).default({}) }),
});

/** @param asked what was asked, for sentences @throws {z.ZodError} where it is no event */
export function parseWatchEvent(value: unknown, asked: string): WatchEvent | undefined {
  const { type, object } = line.parse(value);
  switch (type) {
    case 'ADDED':
    case 'MODIFIED':
      return { type: 'Set', object: apiObject.parse(object) };
    case 'DELETED':
      return { type: 'Delete', object: apiObject.parse(object) };
    case 'BOOKMARK': {
      const { resourceVersion, annotations } = bookmark.parse(object).metadata;
      return { type: 'Bookmark', resourceVersion, isListed: annotations['k8s.io/initial-events-end'] === 'true' };
    }
    case 'ERROR':
      return { type: 'Failed', failure: failureInWatch(asked, object) };
    default:
      // A type that a later server may have; those that matter are asked for.
      return undefined;
  }
}
