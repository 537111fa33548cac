import type { ModelEntry, Operation } from '../../contract/routing-table.ts';
import type { ResourceOf } from '../snapshot.ts';
import type { Rule } from './engine.ts';
import { seniorityOf, type Facts } from './facts.ts';
import { backendOutcomes, problemsOf } from './model-backends.ts';

type Model = ResourceOf<'AIModel'>;

/** A model that could ship. */
export interface UsableModel {
  readonly entry: ModelEntry;
  /** Ids of entries of `providers` of services behind it, those among them that cannot be called. */
  readonly services: readonly string[];
}

/**
 * A model with those of its backends that can be used. With none it is left out, unless one of them is only waited for:
 * then it ships without, so that callers are told to come back, and not that there is no such model.
 */
export function modelRule(facts: Facts): Rule<Model> {
  return (id, [model], step) => {
    if (!model || step.first(facts.presence, '') === undefined) return;
    const { spec } = model;
    const behind = step.read(facts.backendServices, id);
    const services = behind.flatMap((backend) => backend.services);
    for (const service of services) step.emit(facts.behind, `AIModel/${id}`, service);
    const outcomes = backendOutcomes(model, behind, step, facts);
    const backends = outcomes.flatMap((outcome) => (outcome.type === 'Usable' ? [outcome.entry] : []));
    const isWaiting = outcomes.some((outcome) => outcome.type === 'Waiting' && outcome.weight > 0);
    const hasNoWeight = backends.every(({ weight }) => weight === 0);
    const problems = outcomes.flatMap(problemsOf);
    if (backends.length > 0 && hasNoWeight && !isWaiting)
      problems.push({
        type: 'Accepted',
        reason: 'Invalid',
        message: `No backend of ${spec.modelName} that can be used has a weight above 0, so nothing would serve it.`,
      });
    for (const problem of problems) step.emit(facts.problems, `AIModel/${id}`, problem);
    if (hasNoWeight && !isWaiting) return;

    step.emit(facts.usableModels, id, {
      entry: {
        modelName: spec.modelName,
        aliases: spec.aliases,
        backends,
        operations: spec.capabilities?.map((capability) => OPERATION_OF[capability]),
        contextWindow: spec.contextWindow,
        maxOutputTokens: spec.maxOutputTokens,
        pricing: spec.pricing,
        created: seniorityOf(model).created,
      },
      services: services.map(({ provider }) => provider),
    });
  };
}

const OPERATION_OF: Record<NonNullable<Model['spec']['capabilities']>[number], Operation> = {
  Chat: 'chat',
  Completions: 'completions',
  Embeddings: 'embeddings',
};
