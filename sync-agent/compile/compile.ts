import { INFERENCE_KINDS, type InferenceService } from '../inference/inference-service.ts';
import { resourceId, type Resource, type ResourceId, type ResourceKey, type SnapshotChange } from '../snapshot.ts';
import { namespaceRule, presenceRule } from './allowance.ts';
import { keyClaimRule, nameClaimRule } from './claims.ts';
import type { Compilation } from './compilation.ts';
import { modelConcernRule, providerConcernRule } from './conditions.ts';
import { connectRule } from './connect.ts';
import { consumerRule } from './consumer.ts';
import { discoveryClaimRule, discoveryRule } from './discovery.ts';
import { edgeRule, gatewayRule } from './edge.ts';
import { Engine } from './engine.ts';
import { declareFacts, type Facts } from './facts.ts';
import { grantRule } from './grants.ts';
import { modelRule } from './model.ts';
import { Output } from './output.ts';
import { leafRule } from './place.ts';
import { providerRule } from './provider.ts';
import { routeRule } from './route.ts';
import { serviceBackendsRule } from './service-backends.ts';
import { addressRule, serviceRule } from './service.ts';
import { usedModelRule, usedProviderRule } from './ship.ts';
import { standingRule } from './standing.ts';

/** Compiles for one edge, and keeps what it worked out: a change costs what the change costs. */
export interface Compiler {
  /** Takes changes in; nothing is computed before `compile`. */
  apply(changes: Iterable<SnapshotChange>): void;
  /** The same as a compilation from scratch of what is there now. */
  compile(): Compilation;
}

/** Compiles from scratch: a pure function of the resources, whatever their order. @param edge an EdgeGateway's id */
export function compile(resources: Iterable<Resource>, edge: ResourceId): Compilation {
  const compiler = createCompiler(edge);
  compiler.apply(Array.from(resources, (resource) => ({ type: 'Set' as const, resource })));
  return compiler.compile();
}

export function createCompiler(edge: ResourceId): Compiler {
  const engine = new Engine();
  const facts = declareFacts();
  addRules(engine, facts, edge);
  const output = new Output(engine, facts);
  return {
    apply(changes) {
      for (const change of changes)
        switch (change.type) {
          case 'Set':
            setResource(engine, facts, change.resource);
            break;
          case 'Delete':
            deleteResource(engine, facts, change.key);
        }
    },
    compile() {
      engine.sweep();
      return output.compilation();
    },
  };
}

/** The order of a compilation: each rule works with what those before it found out. */
function addRules(engine: Engine, facts: Facts, edge: ResourceId): void {
  const { resources } = facts;
  engine.rule(resources.EdgeGateway, gatewayRule(facts));
  engine.rule(resources.EdgeGateway, edgeRule(facts, edge));
  engine.rule(facts.allowance, presenceRule(facts));
  engine.rule(facts.namespaces, namespaceRule(facts));
  engine.rule(resources.ReferenceGrant, grantRule(facts));
  for (const kind of INFERENCE_KINDS) engine.rule<InferenceService>(resources[kind], serviceRule(facts));
  engine.rule(facts.addresses, addressRule(facts));

  // What could ship, from the bottom up.
  engine.rule(resources.LLMProvider, providerRule(facts));
  engine.rule(resources.AIModel, serviceBackendsRule(facts));
  engine.rule(facts.ways, connectRule(facts));
  engine.rule(facts.connected, standingRule(facts));
  engine.rule(resources.AIModel, modelRule(facts));
  // A policy comes here, before the routes. It restricts: one that is wrong fails closed, so that what it targets
  // ships with the order to refuse, and is never just left out.
  engine.rule(resources.GatewayRoute, routeRule(facts, edge));
  engine.rule(facts.nameClaims, nameClaimRule(facts));
  engine.rule(facts.services, discoveryRule(facts));
  engine.rule(facts.discoveryClaims, discoveryClaimRule(facts));
  engine.rule(resources.Consumer, consumerRule(facts, edge));
  engine.rule(facts.keyClaims, keyClaimRule(facts));

  // What does ship, from the top down.
  engine.rule(facts.usedModels, usedModelRule(facts));
  engine.rule(facts.usedProviders, usedProviderRule(facts));
  for (const kind of ['routes', 'models', 'providers', 'consumers'] as const)
    engine.rule(facts.placed[kind], leafRule(facts, kind));

  // Of which it is to be said (output.ts).
  engine.rule(resources.AIModel, modelConcernRule(facts));
  engine.rule(resources.LLMProvider, providerConcernRule(facts));
}

function setResource(engine: Engine, { resources, namespaces }: Facts, resource: Resource): void {
  const { namespace } = resource.metadata;
  if (!namespaces.slots.has(namespace)) engine.set(namespaces, namespace, true);
  const id = resourceId(resource.metadata);
  switch (resource.kind) {
    case 'EdgeGateway':
      return engine.set(resources.EdgeGateway, id, resource);
    case 'GatewayRoute':
      return engine.set(resources.GatewayRoute, id, resource);
    case 'AIModel':
      return engine.set(resources.AIModel, id, resource);
    case 'LLMProvider':
      return engine.set(resources.LLMProvider, id, resource);
    case 'Consumer':
      return engine.set(resources.Consumer, id, resource);
    case 'Secret':
      return engine.set(resources.Secret, id, resource);
    case 'ReferenceGrant':
      return engine.set(resources.ReferenceGrant, id, resource);
    case 'Namespace':
      return engine.set(resources.Namespace, id, resource);
    case 'DeniedSecret':
      return engine.set(resources.DeniedSecret, id, resource);
    case 'InferenceService':
    case 'LLMInferenceService':
    case 'InferencePool':
      return engine.set(resources[resource.kind], id, resource);
    case 'EdgeSighting':
      return engine.set(resources.EdgeSighting, id, resource);
  }
}

function deleteResource(engine: Engine, { resources }: Facts, key: ResourceKey): void {
  const slash = key.indexOf('/');
  for (const channel of Object.values(resources))
    if (channel.name === key.slice(0, slash)) engine.set<unknown>(channel, key.slice(slash + 1), undefined);
}
