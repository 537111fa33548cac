import { z } from 'zod';
import { ApiFailure, type ApiRequest, type KubernetesApi } from '../../kubernetes/api.ts';
import { apiObject, type ApiObject } from './api-object.ts';

/** What is listed and watched. */
export interface Collection {
  readonly path: string;
  readonly fieldSelector?: string;
}

const page = z.object({
  metadata: z.object({ resourceVersion: z.string(), continue: z.string().optional() }),
  items: z.array(apiObject).nullish(),
});

const PAGE = 500;

/**
 * All objects of a collection as they were at one moment, page by page. Where that moment is forgotten before the last
 * page was read, all of it is asked for at once.
 *
 * @param each told of every object; `undefined`: forget those that came before
 * @returns the version of that moment @throws {ApiFailure}
 */
export async function listPages(
  api: KubernetesApi,
  { path, fieldSelector }: Collection,
  each: (object: ApiObject | undefined) => void,
  signal: AbortSignal,
): Promise<string> {
  let next: string | undefined;
  let limit: number | undefined = PAGE;
  for (;;) {
    try {
      const { metadata, items } = await readPage(api, path, { limit, continue: next, fieldSelector }, signal);
      for (const object of items ?? []) each(object);
      if (!metadata.continue) return metadata.resourceVersion;
      next = metadata.continue;
    } catch (error) {
      const isForgotten = error instanceof ApiFailure && error.status === 410 && next !== undefined;
      if (!isForgotten) throw error;
      each(undefined);
      next = limit = undefined;
    }
  }
}

async function readPage(
  api: KubernetesApi,
  path: string,
  query: NonNullable<ApiRequest['query']>,
  signal: AbortSignal,
): Promise<z.output<typeof page>> {
  const answer = page.safeParse(await api.call({ method: 'GET', path, query }, signal));
  if (!answer.success) throw new ApiFailure(`GET ${path}: the answer is no list of objects`, { status: 0 });
  return answer.data;
}
