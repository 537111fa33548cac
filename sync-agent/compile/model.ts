import type { BackendEntry, Operation } from '../../contract/routing-table.ts';
import { referredId, type ResourceOf } from '../snapshot.ts';
import type { Problem } from './compilation.ts';
import type { Rule, Step } from './engine.ts';
import { seniorityOf, type Facts } from './facts.ts';
import { referenceFault } from './grants.ts';

type Model = ResourceOf<'AIModel'>;

/** A model with those of its backends that can be used. With none it is left out. */
export function modelRule(facts: Facts): Rule<Model> {
  return (id, [model], step) => {
    if (!model || step.first(facts.presence, '') === undefined) return;
    const { spec } = model;
    const faults = spec.backends.map((backend) => backendFault(backend, model, step, facts));
    const usable = spec.backends.filter((_, index) => !faults[index]);
    const problems = faults.flatMap((fault) => fault ?? []);
    if (usable.length > 0 && usable.every(({ weight }) => weight === 0))
      problems.push({
        type: 'Accepted',
        reason: 'Invalid',
        message: `No backend of ${spec.modelName} that can be used has a weight above 0, so nothing would serve it.`,
      });
    for (const problem of problems) step.emit(facts.problems, `AIModel/${id}`, problem);
    if (usable.every(({ weight }) => weight === 0)) return;

    step.emit(facts.usableModels, id, {
      modelName: spec.modelName,
      aliases: spec.aliases,
      backends: usable.map((backend) => backendEntry(backend, model)),
      operations: spec.capabilities?.map((capability) => OPERATION_OF[capability]),
      contextWindow: spec.contextWindow,
      maxOutputTokens: spec.maxOutputTokens,
      pricing: spec.pricing,
      created: seniorityOf(model).created,
    });
  };
}

type Backend = Model['spec']['backends'][number];

const OPERATION_OF: Record<NonNullable<Model['spec']['capabilities']>[number], Operation> = {
  Chat: 'chat',
  Completions: 'completions',
  Embeddings: 'embeddings',
};

function backendEntry(
  { name, providerRef, model: upstreamName, weight, priority }: Backend,
  model: Model,
): BackendEntry {
  const provider = providerRef ? referredId(providerRef, model) : '';
  return { name, provider, model: upstreamName ?? model.spec.modelName, weight, priority };
}

function backendFault({ name, providerRef }: Backend, model: Model, step: Step, facts: Facts): Problem | undefined {
  if (!providerRef) return { type: 'ResolvedRefs', reason: 'BackendNotFound', message: `Backend ${name}.` };
  const id = referredId(providerRef, model);
  const from = { kind: model.kind, namespace: model.metadata.namespace };
  const to = { kind: 'LLMProvider', namespace: providerRef.namespace || from.namespace, name: providerRef.name };
  const denied = referenceFault(step, facts, from, to);
  if (denied) return denied;
  if (step.read(facts.usableProviders, id).length > 0) return undefined;
  const exists = step.read(facts.resources.LLMProvider, id).length > 0;
  const why = exists ? 'cannot be used: see its conditions' : 'does not exist';
  return { type: 'ResolvedRefs', reason: 'BackendNotFound', message: `Backend ${name}: LLMProvider ${id} ${why}.` };
}
