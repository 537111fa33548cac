import { matchKey, matchesOf } from '../../contract/route-match.ts';
import type { Cors, ModelEntry, RouteEntry } from '../../contract/routing-table.ts';
import { durationMilliseconds } from '../../crds/duration.ts';
import { referredId, type ResourceId, type ResourceKey, type ResourceOf } from '../snapshot.ts';
import { attachTo } from './attach.ts';
import { modelNameAllowed, notAllowed, routeFault, type ClaimRights, type RouteWish } from './allowance.ts';
import type { Problem } from './compilation.ts';
import type { Rule, Step } from './engine.ts';
import { compareSeniority, seniorityOf, type Facts, type Seniority } from './facts.ts';
import { referenceFault } from './grants.ts';
import { placeEntry } from './place.ts';
import { findTarget, type TargetService } from './target-service.ts';
import { timeoutsOf } from './timeouts.ts';

type Route = ResourceOf<'GatewayRoute'>;

/**
 * A route with those of its models that can be served, and its claims on their names. A route that may not claim its
 * hosts or path is left out whole; a model that cannot be reached, or a name that is not allowed, by itself.
 */
export function routeRule(facts: Facts, edge: ResourceId): Rule<Route> {
  return (id, [route], step) => {
    if (!route) return;
    const key = `GatewayRoute/${id}`;
    const attachment = attachTo(edge, key, route, step, facts);
    if (attachment !== 'Nowhere')
      for (const ref of route.spec.models ?? [])
        step.emit(facts.mentions, `AIModel/${referredId(ref, route)}`, attachment);
    const rights = step.first(facts.claimRights, route.metadata.namespace);
    if (attachment !== 'Here' || !rights) return;
    const wish = wishOf(route);
    const fault = routeFault(rights, wish);
    const target = findTarget(route, step, facts);
    const reached = reachModels(route, step, facts);
    const named = fault ? NO_NAMES : nameModels([...reached.models, ...targetModels(target)], rights, wish);
    for (const problem of [
      ...(fault ? [fault] : []),
      ...reached.problems,
      ...(target?.problems ?? []),
      ...named.problems,
    ])
      step.emit(facts.problems, key, problem);
    if (target?.service) useTarget(key, target, !fault, step, facts);
    if (named.models.size === 0) return;

    const seniority = seniorityOf(route);
    const entry = entryOf(route, named.models, seniority.created);
    if (!placeEntry(step, facts, 'routes', { entry, resources: [key], ...seniority })) return;
    for (const model of new Set(named.models.values())) step.emit(facts.usedModels, model, key);
    for (const match of matchesOf(id, entry)) {
      const claim = matchKey(match);
      for (const modelName of named.models.keys())
        step.emit(facts.nameClaims, `${claim}${modelName}`, { ...seniority, match, modelName });
    }
  };
}

function wishOf({ spec }: Route): RouteWish {
  return {
    hostnames: spec.hostnames ?? ['*'],
    pathPrefix: spec.pathPrefix,
    anonymous: spec.authentication.type === 'Anonymous',
  };
}

/** A model that a route may reach, and the names that it answers to. */
interface ReachedModel extends Seniority {
  /** What it was compiled from, for people. */
  readonly resource: string;
  readonly names: readonly string[];
}

interface Reached {
  readonly models: readonly ReachedModel[];
  readonly problems: readonly Problem[];
}

function reachModels(route: Route, step: Step, facts: Facts): Reached {
  const models: ReachedModel[] = [];
  const problems: Problem[] = [];
  const from = { kind: route.kind, namespace: route.metadata.namespace };
  for (const ref of route.spec.models ?? []) {
    const id = referredId(ref, route);
    const to = { kind: 'AIModel', namespace: ref.namespace || from.namespace, name: ref.name };
    const denied = referenceFault(step, facts, from, to);
    const model = denied ? undefined : step.first(facts.usableModels, id);
    if (denied) problems.push(denied);
    else if (model) models.push(reachedModel(id, model.entry));
    else problems.push(modelNotFound(id, step.read(facts.resources.AIModel, id).length > 0));
  }
  return { models, problems };
}

function reachedModel(id: ResourceId, { created, modelName, aliases }: ModelEntry): ReachedModel {
  return { id, created, resource: `AIModel ${id}`, names: [modelName, ...aliases] };
}

function targetModels(target: ReturnType<typeof findTarget>): ReachedModel[] {
  if (!target?.service) return [];
  const { kind, id, created } = target.service;
  return target.models.map((model) => ({
    id: model.id,
    created,
    resource: `${kind} ${id}`,
    names: [model.modelName],
  }));
}

/** @param isLookedAt whether the edge is to look at the service: only where the route may lead to it */
function useTarget(key: ResourceKey, target: TargetService, isLookedAt: boolean, step: Step, facts: Facts): void {
  const { provider } = target.used;
  step.emit(facts.behind, key, target.used);
  if (isLookedAt) step.emit(facts.routedServices, provider, true);
  for (const { id, entry } of target.models) step.emit(facts.usableModels, id, { entry, services: [provider] });
}

function modelNotFound(id: ResourceId, exists: boolean): Problem {
  const why = exists ? 'has no backend that can be used: see its conditions' : 'does not exist';
  return { type: 'ResolvedRefs', reason: 'ModelNotFound', message: `AIModel ${id} ${why}.` };
}

interface Named {
  /** Model by name. */
  readonly models: ReadonlyMap<string, ResourceId>;
  readonly problems: Problem[];
}

const NO_NAMES: Named = { models: new Map(), problems: [] };

/** Gives each name to the oldest of the route's models that answers to it. */
function nameModels(models: readonly ReachedModel[], rights: ClaimRights, wish: RouteWish): Named {
  const named = new Map<string, ReachedModel>();
  const problems: Problem[] = [];
  for (const model of models.toSorted(compareSeniority))
    for (const name of model.names) {
      const older = named.get(name);
      if (older !== undefined)
        problems.push({
          type: 'Accepted',
          reason: 'Conflicted',
          message: `${model.resource} and the older ${older.resource} both answer to ${name}, and the older does: take one of them out of this route, or rename it.`,
        });
      else if (modelNameAllowed(rights, wish, name)) named.set(name, model);
      else problems.push(notAllowed(rights.edge, `this route the model name ${name}`, 'modelNames'));
    }
  return { models: new Map([...named].map(([name, { id }]) => [name, id])), problems };
}

function entryOf({ metadata, spec }: Route, models: ReadonlyMap<string, ResourceId>, created: string): RouteEntry {
  return {
    hostnames: spec.hostnames ?? [],
    pathPrefix: spec.pathPrefix,
    headers: spec.headers,
    models: Object.fromEntries(models),
    authentication: spec.authentication.type,
    consumers: consumersOf(spec.allowedConsumers, metadata.namespace),
    onClientAbort: spec.onClientAbort,
    timeouts: timeoutsOf(spec.timeouts),
    cors: spec.cors && corsOf(spec.cors),
    created,
  };
}

function consumersOf(allowed: Route['spec']['allowedConsumers'], own: string): RouteEntry['consumers'] {
  switch (allowed.type) {
    case 'Same':
      return [own];
    case 'All':
      return '*';
    case 'Namespaces':
      return allowed.namespaces;
  }
}

/** No allowed headers stand for those that the browser asks for. */
function corsOf({ maxAge, allowHeaders, ...rest }: NonNullable<Route['spec']['cors']>): Cors {
  return { ...rest, allowHeaders: allowHeaders ?? [], maxAge: Math.floor((durationMilliseconds(maxAge) ?? 0) / 1000) };
}
