import type { InferenceKind, InferenceService, InferenceState } from '../inference/inference-service.ts';
import { resourceKey, type ResourceKey } from '../snapshot.ts';
import { addressKeys, reachOf, type ClusterAccess } from './cluster-access.ts';
import type { Rule, Step } from './engine.ts';
import { compareSeniority, seniorityOf, type Facts, type Seniority } from './facts.ts';
import { serviceProviderId, type Connection } from './service-ids.ts';

/** What of an inference service decides whether, where and by which names it is served: not how many replicas it has. */
export interface Service extends Seniority {
  readonly key: ResourceKey;
  readonly kind: InferenceKind;
  readonly namespace: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Another service of the same name has another. */
  readonly uid: string;
  /** Rises with its specification. */
  readonly generation: number;
  /** What its pods were made from, which changes a while after its specification. */
  readonly revisions: readonly string[];
  readonly state: InferenceState;
  readonly origin: string | undefined;
  readonly paths: readonly string[];
  /** What its specification says, which the edge's own look replaces. */
  readonly modelNames: readonly string[];
}

/** A service and how it is reached, which somebody may refer to. */
export interface Way {
  readonly service: ResourceKey;
  readonly connection: Connection;
}

/** A service that would be reached at an address. */
export interface AddressClaim extends Seniority {
  readonly namespace: string;
}

/** The edge tries no more. */
const MOST_PATHS = 8;

/** Makes a service known to those that may refer to it, and the way to it on which nobody says otherwise. */
export function serviceRule(facts: Facts): Rule<InferenceService> {
  return (_, [resource], step) => {
    if (!resource) return;
    const service = serviceOf(resource);
    step.emit(facts.services, service.key, service);
    step.emit(facts.servicesIn, service.namespace, service);
    const connection = usualConnection(step, facts);
    step.emit(facts.ways, serviceProviderId(service, connection), { service: service.key, connection });
    const access = step.first(facts.clusterAccess, '');
    if (access) claimAddresses(service, access, step, facts);
  };
}

/** How a service is reached where its backend does not say. */
export function usualConnection(step: Step, facts: Facts): Connection {
  return { type: step.first(facts.clusterAccess, '') ? 'ClusterAccess' : 'Own' };
}

function claimAddresses(service: Service, access: ClusterAccess, step: Step, facts: Facts): void {
  const reach = reachOf(service, access);
  if (reach.problem) return;
  const { id, created, namespace } = service;
  for (const address of addressKeys(reach.value)) step.emit(facts.addresses, address, { id, created, namespace });
}

/** Of services of several namespaces that have one address, the oldest has it: then the others need not be read. */
export function addressRule(facts: Facts): Rule<AddressClaim> {
  return (address, claims, step) => {
    const [oldest] = claims.toSorted(compareSeniority);
    if (oldest) step.emit(facts.addressOwners, address, oldest);
  };
}

function serviceOf(resource: InferenceService): Service {
  const { kind, metadata, state, origin, paths, modelNames, revisions } = resource;
  return {
    ...seniorityOf(resource),
    key: resourceKey(resource),
    kind,
    namespace: metadata.namespace,
    name: metadata.name,
    labels: metadata.labels,
    uid: metadata.uid ?? '',
    generation: metadata.generation ?? 0,
    revisions,
    state,
    origin,
    paths: paths.length === 0 ? ['/v1'] : paths.slice(0, MOST_PATHS),
    modelNames,
  };
}
