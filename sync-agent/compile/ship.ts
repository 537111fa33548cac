import type { Rule } from './engine.ts';
import type { Facts } from './facts.ts';
import { placeEntry } from './place.ts';

/** A model ships because a route that ships leads to it. */
export function usedModelRule(facts: Facts): Rule<true> {
  return (id, _, step) => {
    const model = step.first(facts.usableModels, id);
    if (!model) return;
    const { created } = model;
    if (!placeEntry(step, facts, 'models', { id, created, entry: model, resource: `AIModel/${id}` })) return;
    for (const { provider } of model.backends) step.emit(facts.usedProviders, provider, true);
  };
}

/** A provider ships because a model that ships leads to it, and its secrets with it. */
export function usedProviderRule(facts: Facts): Rule<true> {
  return (id, _, step) => {
    const provider = step.first(facts.usableProviders, id);
    if (!provider) return;
    const { entry, created, secrets } = provider;
    placeEntry(step, facts, 'providers', { id, created, entry, resource: `LLMProvider/${id}`, secrets });
  };
}
