import { cutText } from '../cut-text.ts';
import { matchKey, matchesOf } from '../../contract/route-match.ts';
import type { RouteEntry } from '../../contract/routing-table.ts';
import type { ResourceId, ResourceOf } from '../snapshot.ts';
import {
  modelNameAllowed,
  notAdmitted,
  notAllowed,
  routeFault,
  type ClaimRights,
  type RouteWish,
} from './allowance.ts';
import type { DiscoveredModel } from './compilation.ts';
import type { Rule, Step } from './engine.ts';
import { compareSeniority, type Facts, type Seniority } from './facts.ts';
import { namespaceLabels, selects } from './labels.ts';
import { placeEntry } from './place.ts';
import { serviceProviderId } from './service-ids.ts';
import { modelsKnown, serviceModel, type ServiceModel } from './service-model.ts';
import { usualConnection, type Service } from './service.ts';
import { standingProblems } from './standing.ts';
import { timeoutsOf } from './timeouts.ts';

/** `EdgeGateway.spec.discovery`. */
export interface Discovery {
  /** The EdgeGateway. */
  readonly edge: ResourceId;
  readonly namespace: string;
  readonly entries: ResourceOf<'EdgeGateway'>['spec']['discovery'];
}

/** A model that was discovered and may be published under its name, if nobody else has it. */
export interface DiscoveryClaim extends Seniority {
  readonly service: Pick<Service, 'kind' | 'namespace' | 'name'>;
  readonly provider: string;
  readonly model: ServiceModel;
  /** Why nothing answers at the moment. */
  readonly message: string | undefined;
}

/** As long as that of an AIModel; the status takes no longer one. */
const LONGEST_NAME = 256;
const TOO_LONG = `The name would be longer than ${LONGEST_NAME} characters: write an AIModel, or shorten spec.discovery[].modelNameTemplate.`;

/** All that a discovered route claims: what names a host or a path goes before it. */
const WISH: RouteWish = { hostnames: ['*'], pathPrefix: '/', anonymous: false };

/** What of a service is published without anyone writing an AIModel, as far as its namespace may. */
export function discoveryRule(facts: Facts): Rule<Service> {
  return (_, [service], step) => {
    const discovery = step.first(facts.discovery, '');
    const rights = service && step.first(facts.claimRights, service.namespace);
    if (!service || !discovery || !rights) return;
    const entry = discovery.entries.find((one) => isSelected(one, service, step, facts));
    // Without a selector only those namespaces are meant that may attach.
    if (!entry || (rights.entries.length === 0 && !entry.namespaceSelector)) return;
    const provider = serviceProviderId(service, usualConnection(step, facts));
    const standing = step.first(facts.standings, provider);
    const problem = rights.entries.length === 0 ? notAdmitted(rights.edge, rights.namespace) : routeFault(rights, WISH);
    step.emit(facts.behind, `EdgeGateway/${discovery.edge}`, { service: service.key, provider });
    if (!problem) step.emit(facts.routedServices, provider, true);
    const message = (problem ?? (standing && standingProblems(service, standing)[0]))?.message;
    const names = namesOf(entry.modelNameTemplate, service, modelsKnown(standing));
    if (names.length === 0) tell(step, facts, { ...named(service), modelName: service.name, message });
    for (const one of names) {
      const { modelName } = one;
      if (modelName.length > LONGEST_NAME) {
        tell(step, facts, { ...named(service), modelName: cutText(modelName, LONGEST_NAME), message: TOO_LONG });
        continue;
      }
      const denied = problem ?? nameFault(rights, modelName);
      if (denied) tell(step, facts, { ...named(service), modelName, message: denied.message });
      else {
        const model = serviceModel(service, provider, standing, one);
        const { id, created } = service;
        step.emit(facts.discoveryClaims, modelName, { id, created, service: named(service), provider, model, message });
      }
    }
  };
}

/** Gives a name to a route that somebody wrote, else to the oldest service, which then gets a route of its own. */
export function discoveryClaimRule(facts: Facts): Rule<DiscoveryClaim> {
  return (modelName, claims, step) => {
    const discovery = step.first(facts.discovery, '');
    const [winner, ...losers] = claims.toSorted(compareSeniority);
    if (!discovery || !winner) return;
    const written = step.first(facts.nameClaims, `${MATCH}${modelName}`);
    if (written) {
      const message = `GatewayRoute ${written.id} has the model name ${modelName} already.`;
      for (const { service } of claims) tell(step, facts, { ...service, modelName, message });
      return;
    }
    for (const { service } of losers) {
      const message = `${winner.service.kind} ${winner.id}, which is older, has the model name ${modelName} already: rename one, or tell them apart by spec.discovery[].modelNameTemplate.`;
      tell(step, facts, { ...service, modelName, message });
    }
    publish(winner, discovery, step, facts);
  };
}

function publish(claim: DiscoveryClaim, discovery: Discovery, step: Step, facts: Facts): void {
  const { service, provider, model, message, created } = claim;
  const { id, modelName } = model;
  const resource = `EdgeGateway/${discovery.edge}`;
  const entry = routeOf(modelName, claim, discovery);
  step.emit(facts.usableModels, id, { entry: model.entry, services: [provider] });
  const isPlaced = placeEntry(step, facts, 'routes', { id, created, entry, resources: [resource] });
  if (isPlaced) step.emit(facts.usedModels, id, resource);
  tell(step, facts, { ...service, modelName, message });
}

function routeOf(modelName: string, { model, service, created }: DiscoveryClaim, discovery: Discovery): RouteEntry {
  return {
    hostnames: [],
    pathPrefix: WISH.pathPrefix,
    headers: [],
    models: { [modelName]: model.id },
    authentication: 'Key',
    consumers: [...new Set([service.namespace, discovery.namespace])],
    onClientAbort: 'Abort',
    timeouts: timeoutsOf(undefined),
    created,
  };
}

/** As claims on names are keyed. */
const MATCH = matchesOf('', { hostnames: [], pathPrefix: WISH.pathPrefix, headers: [], created: '' })
  .map(matchKey)
  .join('');

type Entry = Discovery['entries'][number];

function isSelected(entry: Entry, { kind, namespace, labels }: Service, step: Step, facts: Facts): boolean {
  return (
    entry.kinds.includes(kind) &&
    selects(entry.labelSelector, labels) &&
    (!entry.namespaceSelector || selects(entry.namespaceSelector, namespaceLabels(step, facts, namespace)))
  );
}

/** By what name each model is published; of several that would have one name, the first is. */
function namesOf(template: string, { name, namespace }: Service, models: readonly string[]) {
  const names = new Map<string, string>();
  for (const upstream of models) {
    const values: Readonly<Record<string, string>> = { name, namespace, model: upstream };
    const modelName = template.replaceAll(/\{(\w+)\}/g, (whole, part: string) => values[part] ?? whole);
    if (!names.has(modelName)) names.set(modelName, upstream);
  }
  return [...names].map(([modelName, upstream]) => ({ modelName, upstream }));
}

function nameFault(rights: ClaimRights, modelName: string) {
  if (modelNameAllowed(rights, WISH, modelName)) return undefined;
  return notAllowed(rights.edge, `the namespace ${rights.namespace} the model name ${modelName}`, 'modelNames');
}

function named({ kind, namespace, name }: Service): DiscoveryClaim['service'] {
  return { kind, namespace, name };
}

function tell(step: Step, facts: Facts, model: DiscoveredModel): void {
  step.emit(facts.discovered, '', model);
}
