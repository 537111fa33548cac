import type { ResourceKey } from '../snapshot.ts';
import type { Rule } from './engine.ts';
import type { Facts } from './facts.ts';
import { placeEntry } from './place.ts';
import { isServiceEntry } from './service-ids.ts';

/** A model ships because a route that ships leads to it. One of a service belongs to what leads to it. */
export function usedModelRule(facts: Facts): Rule<ResourceKey> {
  return (id, users, step) => {
    const model = step.first(facts.usableModels, id);
    if (!model) return;
    const { entry, services } = model;
    const { created } = entry;
    const resources = isServiceEntry(id) ? distinct(users) : [`AIModel/${id}`];
    if (!placeEntry(step, facts, 'models', { id, created, entry, resources })) return;
    for (const { provider } of entry.backends)
      for (const resource of resources) step.emit(facts.usedProviders, provider, resource);
    for (const provider of services) step.emit(facts.routedServices, provider, true);
  };
}

/**
 * A provider ships because a model that ships leads to it, and its secrets with it. That of a service belongs to what
 * leads there, and to the LLMProvider by which it is reached.
 */
export function usedProviderRule(facts: Facts): Rule<ResourceKey> {
  return (id, users, step) => {
    const provider = step.first(facts.usableProviders, id);
    if (!provider) return;
    const { entry, created, secrets } = provider;
    const connection = step.first(facts.ways, id)?.connection;
    const through = connection?.type === 'Provider' ? [`LLMProvider/${connection.id}`] : [];
    const resources = isServiceEntry(id) ? distinct([...users, ...through]) : [`LLMProvider/${id}`];
    placeEntry(step, facts, 'providers', { id, created, entry, resources, secrets });
  };
}

function distinct(keys: readonly ResourceKey[]): readonly ResourceKey[] {
  return [...new Set(keys)].toSorted();
}
