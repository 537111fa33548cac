import { hostMatches, nameMatches, pathMatches } from '../../contract/route-match.ts';
import type { ResourceId, ResourceOf } from '../snapshot.ts';
import type { Problem } from './compilation.ts';
import type { Rule, Step } from './engine.ts';
import type { Facts } from './facts.ts';
import { namespaceLabels, selects } from './labels.ts';

/** `EdgeGateway.spec.allowed` with its defaults: which namespaces may attach, and what they may claim. */
export interface Allowance {
  readonly edge: ResourceId;
  /** The namespace of the EdgeGateway. */
  readonly own: string;
  readonly entries: readonly AllowanceEntry[];
}

interface AllowanceEntry {
  readonly namespaces: Allowed['namespaces'];
  readonly claim: ClaimRight;
  readonly reach: ReachRight;
}

/** What the routes of a namespace may claim by one entry. Rights of several entries do not add up. */
interface ClaimRight {
  readonly hostnames: readonly string[];
  readonly pathPrefixes: readonly string[];
  readonly modelNames: readonly string[];
  readonly anonymous: boolean;
}

/** What the providers of a namespace may reach by one entry, and with what. */
interface ReachRight {
  readonly workerSecrets: readonly { readonly name: string; readonly hosts: readonly string[] }[];
  readonly bindings: readonly string[];
  readonly privateAddresses: boolean;
  readonly plainText: boolean;
}

/** What one namespace is allowed: by no entry, where it may not attach. */
interface NamespaceRights<T> {
  /** The EdgeGateway that gives or refuses them. */
  readonly edge: ResourceId;
  readonly namespace: string;
  readonly entries: readonly T[];
}
export type ClaimRights = NamespaceRights<ClaimRight>;
export type ReachRights = NamespaceRights<ReachRight>;

/** What a route asks of its edge, beside the names of its models. */
export interface RouteWish {
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
    own,
    entries: allowed.map((entry) => ({
      namespaces: entry.namespaces,
      claim: {
        hostnames: entry.hostnames ?? ['*'],
        pathPrefixes: entry.pathPrefixes ?? ['/'],
        modelNames: entry.modelNames ?? ['*'],
        anonymous: entry.anonymous,
      },
      reach: {
        workerSecrets: entry.workerSecrets,
        bindings: entry.bindings,
        privateAddresses: entry.privateAddresses,
        plainText: entry.plainText,
      },
    })),
  };
}

/**
 * Spreads the allowance over the namespaces, and there over those who ask: a change of it concerns only the namespaces
 * for which it means something else than before, and in them only those who asked for what changed.
 */
export function namespaceRule(facts: Facts): Rule<true> {
  return (namespace, _, step) => {
    const allowance = step.first(facts.allowance, '');
    if (!allowance) return;
    const { edge, own } = allowance;
    const entries = allowance.entries.filter(({ namespaces }) => isMeant(namespaces, namespace, own, step, facts));
    step.emit(facts.admission, namespace, entries.length > 0);
    step.emit(facts.claimRights, namespace, { edge, namespace, entries: entries.map(({ claim }) => claim) });
    step.emit(facts.reachRights, namespace, { edge, namespace, entries: entries.map(({ reach }) => reach) });
  };
}

/** Whether there is an allowance, for those who do not ask what it says. */
export function presenceRule(facts: Facts): Rule<Allowance> {
  return (_, __, step) => step.emit(facts.presence, '', true);
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

function isMeant(allowed: Allowed['namespaces'], namespace: string, own: string, step: Step, facts: Facts): boolean {
  switch (allowed.type) {
    case 'All':
      return true;
    case 'Same':
      return namespace === own;
    case 'Names':
      return allowed.names.includes(namespace);
    case 'Selector':
      return selects(allowed.selector, namespaceLabels(step, facts, namespace));
  }
}

/** That a namespace may not attach at all. */
export function notAdmitted(edge: ResourceId, namespace: string): Problem {
  return notAllowed(edge, `the namespace ${namespace} to attach`, 'namespaces');
}

/** Why a route may not claim what it claims, or undefined if it may. */
export function routeFault({ edge, namespace, entries }: ClaimRights, wish: RouteWish): Problem | undefined {
  if (entries.length === 0) return notAdmitted(edge, namespace);
  const { pathPrefix } = wish;
  if (wish.anonymous && !entries.some((entry) => entry.anonymous))
    return notAllowed(edge, `routes of the namespace ${namespace} without authentication`, 'anonymous');
  if (!entries.some((entry) => coversPath(entry, pathPrefix)))
    return notAllowed(edge, `the namespace ${namespace} the path ${pathPrefix}`, 'pathPrefixes');
  for (const hostname of wish.hostnames) {
    const host = hostname === '*' ? 'all hosts, which a route without hostnames claims' : `the host ${hostname}`;
    if (!entries.some((entry) => coversHost(entry, hostname)))
      return notAllowed(edge, `the namespace ${namespace} ${host}`, 'hostnames');
    if (!entries.some((entry) => covers(entry, wish, hostname)))
      return notAllowed(edge, `the namespace ${namespace} ${host} together with the rest of the route`, 'name');
  }
  return undefined;
}

/** Whether a route that is allowed otherwise may serve a model under this name, on all its hosts. */
export function modelNameAllowed(rights: ClaimRights, wish: RouteWish, modelName: string): boolean {
  const entries = rights.entries.filter((entry) => entry.modelNames.some((pattern) => nameMatches(pattern, modelName)));
  return wish.hostnames.every((hostname) => entries.some((entry) => covers(entry, wish, hostname)));
}

/** @param hosts spellings of the host that it would be sent to */
export function workerSecretAllowed({ entries }: ReachRights, name: string, hosts: readonly string[]): boolean {
  return entries.some((entry) =>
    entry.workerSecrets.some((secret) => secret.name === name && hosts.some((host) => secret.hosts.includes(host))),
  );
}

export function bindingAllowed({ entries }: ReachRights, binding: string): boolean {
  return entries.some((entry) => entry.bindings.includes(binding));
}

export function reachAllowed({ entries }: ReachRights, reach: 'privateAddresses' | 'plainText'): boolean {
  return entries.some((entry) => entry[reach]);
}

/** @param what completes "does not allow" */
export function notAllowed(edge: ResourceId, what: string, field: keyof Allowed): Problem {
  const where = field === 'name' ? 'in any single entry of its spec.allowed' : `in its spec.allowed[].${field}`;
  return {
    type: 'Accepted',
    reason: 'NotAllowedByParent',
    message: `EdgeGateway ${edge} does not allow ${what}, ${where}: ask its owner to, or do without.`,
  };
}

/** Rights do not add up: one entry must cover the whole of what is asked for. */
function covers(entry: ClaimRight, wish: RouteWish, hostname: string): boolean {
  return (entry.anonymous || !wish.anonymous) && coversPath(entry, wish.pathPrefix) && coversHost(entry, hostname);
}

function coversPath(entry: ClaimRight, pathPrefix: string): boolean {
  return entry.pathPrefixes.some((prefix) => pathMatches(prefix, pathPrefix));
}

function coversHost(entry: ClaimRight, hostname: string): boolean {
  return entry.hostnames.some((pattern) => hostMatches(pattern, hostname));
}
