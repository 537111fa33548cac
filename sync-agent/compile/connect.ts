import { createHash } from 'node:crypto';
import { canonicalJson, type Json } from '../../contract/canonical-json.ts';
import type { ProviderEntry } from '../../contract/routing-table.ts';
import type { ResourceId, ResourceKey } from '../snapshot.ts';
import type { Problem, SecretToSeal } from './compilation.ts';
import { addressKeys, reachOf, SAY_HOW_IT_IS_REACHED, type ClusterAccess, type Reach } from './cluster-access.ts';
import type { Rule, Step } from './engine.ts';
import { compareSeniority, type Facts, type Sealing } from './facts.ts';
import { neededReach, reachProblems } from './provider.ts';
import { renameSecret } from './secrets.ts';
import type { Service, Way } from './service.ts';
import { timeoutsOf } from './timeouts.ts';
import { readHeader } from './upstream-headers.ts';

/** What would be called to reach a service, but for the path and whether it can be reached. */
export type Connected =
  | {
      readonly type: 'Connected';
      readonly service: ResourceKey;
      /** Its `baseURL` ends where one of the paths begins. */
      readonly entry: ProviderEntry;
      readonly secrets: readonly SecretToSeal[];
      readonly paths: readonly string[];
      /** Of which service it is and where calls go: what was seen there stays true as long as it is the same. */
      readonly place: string;
      /** Of all that the edge's look depends on. */
      readonly digest: string;
    }
  | { readonly type: 'Faulty'; readonly service: ResourceKey; readonly problems: readonly Problem[] };

/** All that a connection is made from. */
interface Setting {
  /** Of the entry of `providers`. */
  readonly id: string;
  readonly service: Service;
  readonly sealing: Sealing;
  readonly step: Step;
  readonly facts: Facts;
}

interface Upstream {
  readonly entry: ProviderEntry;
  readonly secrets: readonly SecretToSeal[];
  readonly paths: readonly string[];
}

type Outcome = Upstream | { readonly problems: readonly Problem[] };

/** Turns a way to a service into what would be called. */
export function connectRule(facts: Facts): Rule<Way> {
  return (id, [way], step) => {
    const service = way && step.first(facts.services, way.service);
    const sealing = step.first(facts.sealing, '');
    if (!service || !sealing) return;
    const outcome = connect(way, { id, service, sealing, step, facts });
    step.emit(facts.connected, id, connectedTo(service, outcome));
  };
}

function connect({ connection }: Way, setting: Setting): Outcome {
  switch (connection.type) {
    case 'Provider':
      return connectByProvider(connection.id, setting);
    case 'ClusterAccess':
      return connectByAccess(setting.step.first(setting.facts.clusterAccess, ''), setting);
    case 'Own':
      return connectByAccess(undefined, setting);
  }
}

function connectedTo(service: Service, outcome: Outcome): Connected {
  if ('problems' in outcome) return { type: 'Faulty', service: service.key, problems: outcome.problems };
  const { entry, paths } = outcome;
  const { generation, revisions } = service;
  const { baseURL, binding, hostHeader } = entry;
  const place = digestOf({ uid: service.uid, baseURL, binding, hostHeader });
  const digest = `${place}-${digestOf({ entry, paths, generation, revisions: [...revisions] })}`;
  return { type: 'Connected', service: service.key, ...outcome, place, digest };
}

/** The way of an LLMProvider. Its secrets are sealed anew, for this service; where they go is the same. */
function connectByProvider(providerId: ResourceId, { id, service, sealing, step, facts }: Setting): Outcome {
  const provider = step.first(facts.usableProviders, providerId);
  if (!provider) {
    const exists = step.read(facts.resources.LLMProvider, providerId).length > 0;
    const why = exists ? 'cannot be used: see its conditions' : 'does not exist';
    const message = `LLMProvider ${providerId}, by which ${service.kind} ${service.id} is to be reached, ${why}.`;
    return { problems: [{ type: 'ResolvedRefs', reason: 'BackendNotFound', message }] };
  }
  const renamed = new Map(provider.secrets.map((secret) => [secret.id, renameSecret(sealing, secret, id)]));
  const rename = (known: string): string => renamed.get(known)?.id ?? known;
  const { auth, headers, baseURL } = provider.entry;
  return {
    entry: {
      ...provider.entry,
      auth: auth && { ...auth, credential: sealedAs(auth.credential, rename) },
      headers: headers.map((header) => sealedAs(header, rename)),
    },
    secrets: [...renamed.values()],
    paths: new URL(baseURL).pathname === '/' ? service.paths : [''],
  };
}

function sealedAs<T extends { readonly type: string }>(part: T, rename: (id: string) => string): T {
  return part.type === 'Sealed' && 'id' in part && typeof part.id === 'string'
    ? { ...part, id: rename(part.id) }
    : part;
}

/**
 * By the EdgeGateway's `clusterAccess`, or without one at the service's own address. What the owner of the EdgeGateway
 * writes there needs no leave; an address that the service itself gives is judged by the rights of its namespace, as an
 * LLMProvider there would be.
 */
function connectByAccess(access: ClusterAccess | undefined, setting: Setting): Outcome {
  const { id, service, sealing, step, facts } = setting;
  const rights = step.first(facts.reachRights, service.namespace);
  const reach = reachOf(service, access);
  if (reach.problem || !rights) return { problems: reach.problem ? [reach.problem] : [] };
  const { url, baseURL, hostHeader, paths } = reach.value;
  const transport = access?.spec.transport ?? { type: 'Internet' };
  const destination = transport.type === 'Binding' ? `binding:${transport.binding}` : url.origin;
  const use = { id, namespace: access?.namespace ?? '', destination, sealing, step, facts };
  const headers = (access?.spec.headers ?? []).map((header) => readHeader(header, use));
  const isOwnAddress = access?.spec.baseURL === undefined && transport.type === 'Internet';
  const conflict = access && addressConflict(reach.value, setting);
  const problems = [
    ...(isOwnAddress ? reachProblems(transport, url, { rights, namespace: service.namespace }).map(orOtherwise) : []),
    ...(conflict ? [conflict] : []),
    ...headers.flatMap(({ problem }) => (problem ? [problem] : [])),
  ];
  if (problems.length > 0) return { problems };
  const parts = headers.flatMap(({ value }) => (value ? [value] : []));
  return {
    entry: {
      dialect: 'OpenAI',
      baseURL,
      auth: undefined,
      headers: parts.map(({ entry }) => entry),
      hostHeader,
      binding: transport.type === 'Binding' ? transport.binding : undefined,
      timeouts: timeoutsOf(undefined),
      allow: neededReach(transport, url),
    },
    secrets: parts.flatMap(({ secrets }) => secrets),
    paths,
  };
}

function orOtherwise(problem: Problem): Problem {
  return { ...problem, message: `${problem.message} Or ${SAY_HOW_IT_IS_REACHED}.` };
}

/**
 * Two services of one address: whoever may name a service could choose the name by which another's is reached. The
 * namespace that had it first keeps it.
 */
function addressConflict(reach: Reach, { service, step, facts }: Setting): Problem | undefined {
  const owners = addressKeys(reach).flatMap((address) => step.read(facts.addressOwners, address));
  const [oldest] = owners.toSorted(compareSeniority);
  if (!oldest || oldest.namespace === service.namespace) return undefined;
  return {
    type: 'Accepted',
    reason: 'Conflicted',
    message:
      `By spec.clusterAccess of the EdgeGateway ${service.kind} ${service.id} would be reached at the address of ` +
      `${oldest.id}, which is older: give it another name, or its backend a connectionRef.`,
  };
}

const DIGEST_DIGITS = 32;

function digestOf(what: Json): string {
  return createHash('sha256').update(canonicalJson(what)).digest('hex').slice(0, DIGEST_DIGITS);
}
