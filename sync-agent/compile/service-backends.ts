import type { InferenceKind } from '../inference/inference-service.ts';
import { referredId, type ResourceKey, type ResourceOf } from '../snapshot.ts';
import type { Problem } from './compilation.ts';
import type { Rule, Step } from './engine.ts';
import type { Facts } from './facts.ts';
import { referenceFault } from './grants.ts';
import { selects } from './labels.ts';
import { serviceProviderId, type Connection } from './service-ids.ts';
import { usualConnection, type Service } from './service.ts';

type Model = ResourceOf<'AIModel'>;
type Backend = Model['spec']['backends'][number];
export type ServiceBackend = Extract<Backend, { readonly type: 'InferenceService' | 'Selector' }>;

/** A service that a resource leads to, and the id of the entry of `providers` by which it does. */
export interface ServiceInUse {
  readonly service: ResourceKey;
  readonly provider: string;
}

/** What a backend of a model means. */
export interface BackendServices {
  /** Of the backend. */
  readonly name: string;
  readonly services: readonly ServiceInUse[];
  readonly problem: Problem | undefined;
  /** There is no such service now, which may pass. */
  readonly isAbsent: boolean;
}

/** Finds the services behind each backend of a model, and the ways to them. */
export function serviceBackendsRule(facts: Facts): Rule<Model> {
  return (id, [model], step) => {
    for (const backend of model?.spec.backends ?? []) {
      if (!model || backend.type === 'Provider') continue;
      const found = findServices(backend, model, step, facts);
      const connection = connectionOf(backend, model, step, facts);
      const problem = found.problem ?? connection.problem;
      const services = (problem ? [] : (found.services ?? [])).map((service) => {
        const way = connection.value ?? usualConnection(step, facts);
        const provider = serviceProviderId(service, way);
        if (connection.value) step.emit(facts.ways, provider, { service: service.key, connection: way });
        return { service: service.key, provider };
      });
      const isAbsent = found.isAbsent === true && !connection.problem;
      step.emit(facts.backendServices, id, { name: backend.name, services, problem, isAbsent });
    }
  };
}

type FoundServices =
  | { readonly services: readonly Service[]; readonly problem?: never; readonly isAbsent?: never }
  | NotFound;

interface NotFound {
  readonly services?: never;
  readonly service?: never;
  readonly problem: Problem;
  readonly isAbsent?: true;
}

function findServices(backend: ServiceBackend, model: Model, step: Step, facts: Facts): FoundServices {
  switch (backend.type) {
    case 'InferenceService': {
      const found = findService(backend.inferenceServiceRef, model, step, facts);
      return found.service ? { services: [found.service] } : found;
    }
    case 'Selector': {
      const { namespace } = model.metadata;
      const { kinds } = backend.selector;
      const services = step
        .read(facts.servicesIn, namespace)
        .filter(({ kind, labels }) => kinds.includes(kind) && selects(backend.selector, labels));
      if (services.length > 0) return { services: services.toSorted((a, b) => (a.key < b.key ? -1 : 1)) };
      const labels = Object.entries(backend.selector.matchLabels).map(([key, value]) => `${key}=${value}`);
      return absent(
        `Backend ${backend.name}: no ${kinds.join(' or ')} of ${namespace} has ${labels.join(', ')}`,
        namespace,
        step,
        facts,
      );
    }
  }
}

type ServiceRef = Extract<Backend, { readonly type: 'InferenceService' }>['inferenceServiceRef'];

/** The service that a reference means, if it may be referred to. */
export function findService(
  ref: ServiceRef,
  from: ResourceOf<'AIModel' | 'GatewayRoute'>,
  step: Step,
  facts: Facts,
): { readonly service: Service; readonly problem?: never } | NotFound {
  const namespace = ref.namespace || from.metadata.namespace;
  const to = { kind: ref.kind, namespace, name: ref.name };
  const denied = referenceFault(step, facts, { kind: from.kind, namespace: from.metadata.namespace }, to);
  if (denied) return { problem: denied };
  const service = step.first(facts.services, serviceKey(ref.kind, namespace, ref.name));
  return service
    ? { service }
    : absent(`${ref.kind} ${namespace}/${ref.name} does not exist`, from.metadata.namespace, step, facts);
}

/** Of a cluster the namespaces are known; a folder has none. */
function absent(what: string, namespace: string, step: Step, facts: Facts): NotFound {
  const isCluster = step.first(facts.resources.Namespace, `${namespace}/${namespace}`) !== undefined;
  const message = isCluster
    ? `${what}.`
    : `${what}. Resources of a folder know nothing of the inference services of a cluster.`;
  return { problem: { type: 'ResolvedRefs', reason: 'BackendNotFound', message }, isAbsent: true };
}

function serviceKey(kind: InferenceKind, namespace: string, name: string): ResourceKey {
  return `${kind}/${namespace}/${name}`;
}

/** Neither where the backend does not say. */
function connectionOf(
  { connectionRef }: ServiceBackend,
  model: Model,
  step: Step,
  facts: Facts,
): { readonly value?: Connection; readonly problem?: Problem } {
  if (!connectionRef) return {};
  const { namespace } = model.metadata;
  const to = { kind: 'LLMProvider', namespace: connectionRef.namespace || namespace, name: connectionRef.name };
  const denied = referenceFault(step, facts, { kind: 'AIModel', namespace }, to);
  if (denied) return { problem: denied };
  return { value: { type: 'Provider', id: referredId(connectionRef, model) } };
}
