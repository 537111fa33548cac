import type { BackendEntry } from '../../contract/routing-table.ts';
import { referredId, type ResourceOf } from '../snapshot.ts';
import type { Problem } from './compilation.ts';
import type { Step } from './engine.ts';
import type { Facts } from './facts.ts';
import { referenceFault } from './grants.ts';
import type { BackendServices, ServiceBackend, ServiceInUse } from './service-backends.ts';
import type { Service } from './service.ts';
import { upstreamName } from './standing.ts';

type Model = ResourceOf<'AIModel'>;
type ProviderBackend = Extract<Model['spec']['backends'][number], { readonly type: 'Provider' }>;

/** What has become of a backend, or of one service of it. */
export type BackendOutcome =
  | { readonly type: 'Usable'; readonly entry: BackendEntry }
  /** It cannot be called now: that will pass. */
  | { readonly type: 'Waiting'; readonly weight: number; readonly problem: Problem }
  | { readonly type: 'Faulty'; readonly problems: readonly Problem[] };

/** @param behind the services of those backends that are no providers */
export function backendOutcomes(
  model: Model,
  behind: readonly BackendServices[],
  step: Step,
  facts: Facts,
): BackendOutcome[] {
  const { backends } = model.spec;
  // What people wrote is the name of a backend; the services of a selector give way to it.
  const taken = new Set(backends.filter(({ type }) => type !== 'Selector').map(({ name }) => name));
  return backends.flatMap((backend): BackendOutcome[] => {
    switch (backend.type) {
      case 'Provider':
        return [providerOutcome(backend, model, step, facts)];
      case 'InferenceService':
      case 'Selector': {
        const { services = [], problem, isAbsent = false } = behind.find(({ name }) => name === backend.name) ?? {};
        // A service that was deleted is made anew by whoever meant it: meanwhile callers are told to come again.
        if (problem && isAbsent) return [{ type: 'Waiting', weight: backend.weight, problem }];
        if (problem) return [{ type: 'Faulty', problems: [problem] }];
        return services.map((used) => {
          const service = step.first(facts.services, used.service);
          const name = backend.type === 'Selector' && service ? freeName(service, taken) : backend.name;
          return serviceOutcome({ backend, name, used, service, model }, step, facts);
        });
      }
    }
  });
}

export function problemsOf(outcome: BackendOutcome): readonly Problem[] {
  switch (outcome.type) {
    case 'Usable':
      return [];
    case 'Waiting':
      return [outcome.problem];
    case 'Faulty':
      return outcome.problems;
  }
}

function providerOutcome(backend: ProviderBackend, model: Model, step: Step, facts: Facts): BackendOutcome {
  const { name, providerRef, model: upstream = model.spec.modelName, weight, priority } = backend;
  const provider = referredId(providerRef, model);
  const from = { kind: model.kind, namespace: model.metadata.namespace };
  const to = { kind: 'LLMProvider', namespace: providerRef.namespace || from.namespace, name: providerRef.name };
  const denied = referenceFault(step, facts, from, to);
  if (denied) return { type: 'Faulty', problems: [denied] };
  if (step.read(facts.usableProviders, provider).length > 0)
    return { type: 'Usable', entry: { name, provider, model: upstream, weight, priority } };
  const exists = step.read(facts.resources.LLMProvider, provider).length > 0;
  const why = exists ? 'cannot be used: see its conditions' : 'does not exist';
  const message = `Backend ${name}: LLMProvider ${provider} ${why}.`;
  return { type: 'Faulty', problems: [{ type: 'ResolvedRefs', reason: 'BackendNotFound', message }] };
}

interface ServiceCase {
  readonly backend: ServiceBackend;
  /** Of the backend in the table. */
  readonly name: string;
  readonly used: ServiceInUse;
  readonly service: Service | undefined;
  readonly model: Model;
}

function serviceOutcome(
  { backend, name, used, service, model }: ServiceCase,
  step: Step,
  facts: Facts,
): BackendOutcome {
  const { provider } = used;
  const { weight, priority } = backend;
  const standing = step.first(facts.standings, provider);
  // Both are there wherever there is an edge to compile for.
  if (!standing || !service) return { type: 'Faulty', problems: [] };
  switch (standing.type) {
    case 'Faulty':
      return standing;
    case 'Waiting':
      return { type: 'Waiting', weight, problem: standing.problem };
    case 'Serving': {
      const upstream = upstreamName(service, standing, { model: backend.model, modelName: model.spec.modelName });
      return upstream.problem
        ? { type: 'Waiting', weight, problem: upstream.problem }
        : { type: 'Usable', entry: { name, provider, model: upstream.value, weight, priority } };
    }
  }
}

/** A service that a selector finds is a backend of its own name; of two of one name, the second says its kind as well. */
function freeName({ name, kind }: Service, taken: Set<string>): string {
  const free = [name, `${name}.${kind.toLowerCase()}`].find((candidate) => !taken.has(candidate)) ?? `${name}.${kind}`;
  taken.add(free);
  return free;
}
