import { hostMatches, nameMatches, pathMatches } from '../../contract/route-match.ts';
import type { ResourceId, ResourceOf } from '../snapshot.ts';
import type { Problem } from './compilation.ts';

/** `EdgeGateway.spec.allowed` with its defaults: which namespaces may attach, and what they may claim. */
export interface Allowance {
  readonly edge: ResourceId;
  readonly entries: readonly AllowanceEntry[];
}

interface AllowanceEntry {
  /** Absent: all. */
  readonly namespaces: readonly string[] | undefined;
  readonly hostnames: readonly string[];
  readonly pathPrefixes: readonly string[];
  readonly modelNames: readonly string[];
  readonly anonymous: boolean;
  readonly workerSecrets: readonly { readonly name: string; readonly hosts: readonly string[] }[];
  readonly bindings: readonly string[];
  readonly privateAddresses: boolean;
  readonly plainText: boolean;
}

/** What a route asks of its edge, beside the names of its models. */
export interface RouteWish {
  readonly namespace: string;
  /** `*` stands for every host. */
  readonly hostnames: readonly string[];
  readonly pathPrefix: string;
  readonly anonymous: boolean;
}

export function allowanceOf(edge: ResourceId, gateway: ResourceOf<'EdgeGateway'>): Allowance {
  const own = gateway.metadata.namespace;
  const allowed = gateway.spec.allowed ?? [OWN_NAMESPACE];
  return {
    edge,
    entries: allowed.map(({ namespaces, hostnames, pathPrefixes, modelNames, ...rights }) => ({
      namespaces: namespacesOf(namespaces, own),
      hostnames: hostnames ?? ['*'],
      pathPrefixes: pathPrefixes ?? ['/'],
      modelNames: modelNames ?? ['*'],
      ...rights,
    })),
  };
}

/** What stands for an absent `allowed`. */
const OWN_NAMESPACE: Allowed = {
  name: 'own-namespace',
  namespaces: { type: 'Same' },
  anonymous: false,
  workerSecrets: [],
  bindings: [],
  privateAddresses: false,
  plainText: false,
};

type Allowed = NonNullable<ResourceOf<'EdgeGateway'>['spec']['allowed']>[number];

function namespacesOf(allowed: Allowed['namespaces'], own: string): readonly string[] | undefined {
  switch (allowed.type) {
    case 'All':
      return undefined;
    case 'Same':
      return [own];
    case 'Names':
      return allowed.names;
  }
}

/** Why a namespace may not attach at all, or undefined if it may. */
export function namespaceFault(allowance: Allowance, namespace: string): Problem | undefined {
  if (entriesFor(allowance, namespace).length > 0) return undefined;
  return notAllowed(allowance, `the namespace ${namespace} to attach`, 'namespaces');
}

/** Why a route may not claim what it claims, or undefined if it may. */
export function routeFault(allowance: Allowance, wish: RouteWish): Problem | undefined {
  const entries = entriesFor(allowance, wish.namespace);
  if (entries.length === 0) return namespaceFault(allowance, wish.namespace);
  const { namespace, pathPrefix } = wish;
  if (wish.anonymous && !entries.some((entry) => entry.anonymous))
    return notAllowed(allowance, `routes of the namespace ${namespace} without authentication`, 'anonymous');
  if (!entries.some((entry) => coversPath(entry, pathPrefix)))
    return notAllowed(allowance, `the namespace ${namespace} the path ${pathPrefix}`, 'pathPrefixes');
  for (const hostname of wish.hostnames) {
    const host = hostname === '*' ? 'all hosts, which a route without hostnames claims' : `the host ${hostname}`;
    if (!entries.some((entry) => coversHost(entry, hostname)))
      return notAllowed(allowance, `the namespace ${namespace} ${host}`, 'hostnames');
    if (!entries.some((entry) => covers(entry, wish, hostname)))
      return notAllowed(allowance, `the namespace ${namespace} ${host} together with the rest of the route`, 'name');
  }
  return undefined;
}

/** Whether a route that is allowed otherwise may serve a model under this name, on all its hosts. */
export function modelNameAllowed(allowance: Allowance, wish: RouteWish, modelName: string): boolean {
  const entries = entriesFor(allowance, wish.namespace).filter((entry) =>
    entry.modelNames.some((pattern) => nameMatches(pattern, modelName)),
  );
  return wish.hostnames.every((hostname) => entries.some((entry) => covers(entry, wish, hostname)));
}

/** @param hosts spellings of the host that it would be sent to */
export function workerSecretAllowed(
  allowance: Allowance,
  namespace: string,
  name: string,
  hosts: readonly string[],
): boolean {
  return entriesFor(allowance, namespace).some((entry) =>
    entry.workerSecrets.some((secret) => secret.name === name && hosts.some((host) => secret.hosts.includes(host))),
  );
}

export function bindingAllowed(allowance: Allowance, namespace: string, binding: string): boolean {
  return entriesFor(allowance, namespace).some((entry) => entry.bindings.includes(binding));
}

export function reachAllowed(
  allowance: Allowance,
  namespace: string,
  reach: 'privateAddresses' | 'plainText',
): boolean {
  return entriesFor(allowance, namespace).some((entry) => entry[reach]);
}

/** @param what completes "does not allow" */
export function notAllowed({ edge }: Allowance, what: string, field: keyof Allowed): Problem {
  const where = field === 'name' ? 'in any single entry of its spec.allowed' : `in its spec.allowed[].${field}`;
  return {
    type: 'Accepted',
    reason: 'NotAllowedByParent',
    message: `EdgeGateway ${edge} does not allow ${what}, ${where}: ask its owner to, or do without.`,
  };
}

function entriesFor(allowance: Allowance, namespace: string): AllowanceEntry[] {
  return allowance.entries.filter(({ namespaces }) => namespaces === undefined || namespaces.includes(namespace));
}

/** Rights do not add up: one entry must cover the whole of what is asked for. */
function covers(entry: AllowanceEntry, wish: RouteWish, hostname: string): boolean {
  return (entry.anonymous || !wish.anonymous) && coversPath(entry, wish.pathPrefix) && coversHost(entry, hostname);
}

function coversPath(entry: AllowanceEntry, pathPrefix: string): boolean {
  return entry.pathPrefixes.some((prefix) => pathMatches(prefix, pathPrefix));
}

function coversHost(entry: AllowanceEntry, hostname: string): boolean {
  return entry.hostnames.some((pattern) => hostMatches(pattern, hostname));
}
