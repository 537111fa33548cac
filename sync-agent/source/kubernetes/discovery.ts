import { z } from 'zod';
import { ApiFailure, type KubernetesApi } from '../../kubernetes/api.ts';
import { PLACES, type KindPlace, type WatchedKind } from './watched-kinds.ts';

/** How a cluster serves a kind. */
export interface ServedKind {
  readonly version: string;
  /** Its definition is being deleted, and all its objects with it: then nothing of it can be created any more. */
  readonly isLeaving: boolean;
}

export type ServedKinds = ReadonlyMap<WatchedKind, ServedKind>;

const groupList = z.object({
  groups: z.array(z.object({ name: z.string(), versions: z.array(z.object({ version: z.string() })) })),
});

const resourceList = z.object({
  resources: z.array(z.object({ name: z.string(), verbs: z.array(z.string()).default([]) })),
});

/** Which kinds a cluster serves, of those that are watched. @throws {ApiFailure} */
export async function discover(
  api: KubernetesApi,
  wanted: readonly WatchedKind[],
  signal: AbortSignal,
): Promise<ServedKinds> {
  const { groups } = groupList.parse(await api.call({ method: 'GET', path: '/apis' }, signal));
  const served = new Map<WatchedKind, ServedKind>();
  const read = new Map<string, Promise<Verbs>>();
  for (const kind of wanted) {
    const place = PLACES[kind];
    if (place.group === '') {
      served.set(kind, { version: 'v1', isLeaving: false });
      continue;
    }
    const offered = groups.find(({ name }) => name === place.group)?.versions ?? [];
    for (const version of place.versions.filter((one) => offered.some((other) => other.version === one))) {
      const path = `/apis/${place.group}/${version}`;
      if (!read.has(path)) read.set(path, verbsOf(api, path, signal));
      const found = servedAs(version, (await read.get(path))?.get(place.plural));
      if (!found) continue;
      served.set(kind, found);
      break;
    }
  }
  return served;
}

/** How a cluster serves one kind in one version; undefined: not at all. @throws {ApiFailure} */
export async function discoverKind(
  api: KubernetesApi,
  { group, plural }: KindPlace,
  version: string,
  signal: AbortSignal,
): Promise<ServedKind | undefined> {
  return servedAs(version, (await verbsOf(api, `/apis/${group}/${version}`, signal)).get(plural));
}

/** By the plural name of the kind. */
type Verbs = ReadonlyMap<string, readonly string[]>;

async function verbsOf(api: KubernetesApi, path: string, signal: AbortSignal): Promise<Verbs> {
  try {
    const { resources } = resourceList.parse(await api.call({ method: 'GET', path }, signal));
    return new Map(resources.map(({ name, verbs }) => [name, verbs]));
  } catch (error) {
    if (error instanceof ApiFailure && error.status === 404) return new Map();
    throw error;
  }
}

function servedAs(version: string, verbs: readonly string[] | undefined): ServedKind | undefined {
  if (!verbs?.includes('list') || !verbs.includes('watch')) return undefined;
  return { version, isLeaving: !verbs.includes('create') };
}
