import { hostsAnnotation } from '../../crds/secret.ts';
import {
  resourceId,
  resourceKey,
  type Resource,
  type ResourceId,
  type ResourceKey,
  type ResourceOf,
} from '../../sync-agent/snapshot.ts';
import { secretReferences } from '../../sync-agent/source/kubernetes/secret-names.ts';

/** Resources of which some compile with made-up secrets. */
export interface SettledSecrets {
  readonly resources: readonly Resource[];
  /** Secrets that are named and may not be read. */
  readonly unread: readonly ResourceId[];
  /** Consumers one of whose keys stands in such a Secret. */
  readonly consumers: ReadonlySet<ResourceKey>;
}

const STAND_IN = 'stands-in-for-what-cannot-be-read-here';

/** A value that compiles in place of a secret that is not known here; another for each that it stands for. */
export function standInFor(what: string): string {
  return `${STAND_IN}:${what}`;
}

export function isStandIn(value: string): boolean {
  return value.startsWith(`${STAND_IN}:`);
}

/**
 * Puts stand-ins in the place of Secrets that may not be read, so that everything else of what names them can be told.
 * Without them a person of few rights would be told that all of it is faulty. Pure.
 *
 * @param but those that are left denied: what they hold cannot be made up
 */
export function standInForUnread(resources: readonly Resource[], but: ReadonlySet<ResourceId>): SettledSecrets {
  const denied = resources.filter(
    (resource): resource is ResourceOf<'DeniedSecret'> => resource.kind === 'DeniedSecret',
  );
  const unread = denied.map(({ metadata }) => resourceId(metadata)).filter((id) => !but.has(id));
  if (unread.length === 0) return { resources, unread, consumers: new Set() };
  const wanted = new Set(unread);
  const keys = Map.groupBy(
    resources.flatMap((resource) => namedKeys(resource)).filter(({ secret }) => wanted.has(secret)),
    ({ secret }) => secret,
  );
  const hosts = allHosts(resources);
  const others = resources.filter(({ kind, metadata }) => kind !== 'DeniedSecret' || !wanted.has(resourceId(metadata)));
  return {
    resources: [...others, ...unread.map((id) => standIn(id, keys.get(id)?.map(({ key }) => key) ?? [], hosts))],
    unread,
    consumers: new Set([...keys.values()].flat().flatMap(({ from }) => (from.startsWith('Consumer/') ? [from] : []))),
  };
}

function standIn(id: ResourceId, keys: readonly string[], hosts: readonly string[]): ResourceOf<'Secret'> {
  const [namespace = '', name = ''] = id.split('/');
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { namespace, name, labels: {}, annotations: { [hostsAnnotation]: hosts.join(',') } },
    data: {},
    stringData: Object.fromEntries(keys.map((key) => [key, standInFor(`${id}/${key}`)])),
  };
}

/** Every key of a Secret that a resource names, and the resource. */
function namedKeys(resource: Resource) {
  const from = resourceKey(resource);
  return secretReferences(resource).flatMap(({ secret, key }) => (key === undefined ? [] : [{ from, secret, key }]));
}

/** Wherever anything might be sent: whether the Secret names the host cannot be told. */
function allHosts(resources: readonly Resource[]): string[] {
  const destinations = resources.flatMap((resource) => [
    ...('origin' in resource && resource.origin !== undefined ? hostOf(resource.origin) : []),
    ...fieldsOf(resource).flatMap(([field, value]) => {
      if (typeof value !== 'string') return [];
      if (field === 'binding') return [`binding:${value}`];
      return field === 'baseURL' ? hostOf(value) : [];
    }),
  ]);
  return [...new Set(destinations)].toSorted();
}

/** Of a template such as `https://{name}.gpu.example.com` every host that it may give. */
function hostOf(url: string): string[] {
  const host = /^https?:\/\/([^/]+)/.exec(url)?.[1];
  if (host === undefined) return [];
  return [host.includes('{') ? host.replace(/^[^.]*/, '*') : host];
}

/** Every field of a spec, however deep, by its own name. */
function fieldsOf(resource: Resource): [string, unknown][] {
  const inner = (value: unknown): [string, unknown][] =>
    typeof value === 'object' && value !== null
      ? Object.entries(value).flatMap(([field, member]): [string, unknown][] => [[field, member], ...inner(member)])
      : [];
  return 'spec' in resource ? inner(resource.spec) : [];
}

/** Beyond this many, names are counted. */
const NAMED_SECRETS = 5;

/** Which Secrets were not read, and what that means here. */
export function unreadNote(unread: readonly ResourceId[]): string {
  const names = unread.slice(0, NAMED_SECRETS).join(', ');
  const more = unread.length > NAMED_SECRETS ? ` and ${unread.length - NAMED_SECRETS} more` : '';
  return `you may not read Secret ${names}${more}: whether what it holds is right, or has changed, is not told here`;
}
