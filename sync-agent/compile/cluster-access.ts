import type { ResourceId, ResourceOf } from '../snapshot.ts';
import type { Problem } from './compilation.ts';
import type { Found } from './secrets.ts';
import type { Service } from './service.ts';

/** How an EdgeGateway says that the services of the cluster are reached. */
export interface ClusterAccess {
  readonly edge: ResourceId;
  /** The namespace of the EdgeGateway, where the Secrets stand. */
  readonly namespace: string;
  readonly spec: NonNullable<ResourceOf<'EdgeGateway'>['spec']['clusterAccess']>;
}

/** Where the edge reaches a service. */
export interface Reach {
  /** Without a slash at its end; the paths follow it. */
  readonly url: URL;
  readonly baseURL: string;
  readonly hostHeader: string | undefined;
  readonly paths: readonly string[];
}

type ReachedService = Pick<Service, 'kind' | 'id' | 'namespace' | 'name' | 'origin' | 'paths'>;

/** Where a service is reached by `clusterAccess`; without that, or where it has no `baseURL`, at its own address. */
export function reachOf(service: ReachedService, access: ClusterAccess | undefined): Found<Reach> {
  const { kind, id, namespace, name, origin } = service;
  const template = access?.spec.baseURL;
  const text = template === undefined ? origin : filled(template, { name, namespace });
  if (text === undefined)
    return fault('BackendNotFound', `${kind} ${id} gives no URL of its own: ${SAY_HOW_IT_IS_REACHED}.`);
  const url = URL.parse(text);
  if (!url || (template !== undefined && hasDotsInHost(template, name)))
    return fault(
      'BackendNotFound',
      `${kind} ${id} has no URL by spec.clusterAccess.baseURL of EdgeGateway ${access?.edge}, because of its name: give its backend a connectionRef.`,
    );
  const hostTemplate = access?.spec.hostHeader;
  const host = origin === undefined ? undefined : URL.parse(origin)?.host;
  if (hostTemplate?.includes('{host}') && host === undefined)
    return fault(
      'BackendNotFound',
      `${kind} ${id} gives no host of its own, which spec.clusterAccess.hostHeader of EdgeGateway ${access?.edge} asks for: give its backend a connectionRef.`,
    );
  return {
    value: {
      url,
      baseURL: url.href.replace(/\/+$/, ''),
      hostHeader: hostTemplate === undefined ? undefined : filled(hostTemplate, { name, namespace, host: host ?? '' }),
      paths: withoutPrefix(service.paths, url.pathname.replace(/\/+$/, '')),
    },
  };
}

/** Equal for two services that calls could not be told apart of. */
export function addressKeys({ baseURL, hostHeader, paths }: Reach): string[] {
  return paths.map((path) => `${hostHeader ?? ''} ${baseURL}${path}`);
}

export const SAY_HOW_IT_IS_REACHED =
  'say how the edge reaches it by a connectionRef of the backend, or by spec.clusterAccess of the EdgeGateway';

/** A name is one label of a host at most: with dots in it, it would choose the host. */
function hasDotsInHost(template: string, name: string): boolean {
  const [, , host = ''] = template.split('/');
  return name.includes('.') && host.includes('{name}');
}

/** A path that says the service again, as behind a gateway, is not said twice. */
function withoutPrefix(paths: readonly string[], prefix: string): readonly string[] {
  if (prefix === '') return paths;
  return [...new Set(paths.map((path) => (path.startsWith(`${prefix}/`) ? path.slice(prefix.length) : path)))];
}

function filled(template: string, values: Readonly<Record<string, string>>): string {
  return template.replaceAll(/\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole);
}

function fault(reason: 'BackendNotFound', message: string): { readonly problem: Problem } {
  return { problem: { type: 'ResolvedRefs', reason, message } };
}
