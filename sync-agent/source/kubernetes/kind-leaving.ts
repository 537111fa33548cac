import { z } from 'zod';
import { ApiFailure, type KubernetesApi } from '../../kubernetes/api.ts';
import { discoverKind } from './discovery.ts';
import { isOwn, PLACES, qualifiedName, type WatchedKind } from './watched-kinds.ts';

const definition = z.object({ metadata: z.object({ deletionTimestamp: z.string().nullish() }) });

/**
 * Whether a kind's definition is being deleted, or is gone. Ours may be looked at; of others discovery tells.
 *
 * @param version in which it is watched @throws {ApiFailure} where it cannot be told
 */
export async function isKindLeaving(
  api: KubernetesApi,
  kind: WatchedKind,
  version: string,
  signal: AbortSignal,
): Promise<boolean> {
  const place = PLACES[kind];
  const byDefinition = isOwn(kind) ? await isDefinitionLeaving(api, qualifiedName(place), signal) : undefined;
  if (byDefinition !== undefined) return byDefinition;
  const served = await discoverKind(api, place, version, signal);
  return served?.isLeaving ?? true;
}

/** Undefined where it may not be looked at. */
async function isDefinitionLeaving(
  api: KubernetesApi,
  name: string,
  signal: AbortSignal,
): Promise<boolean | undefined> {
  const path = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${name}`;
  try {
    const { metadata } = definition.parse(await api.call({ method: 'GET', path }, signal));
    return typeof metadata.deletionTimestamp === 'string';
  } catch (error) {
    if (!(error instanceof ApiFailure)) throw error;
    if (error.status === 404) return true;
    if (error.status === 403) return undefined;
    throw error;
  }
}
