import type { InferenceService } from '../inference/inference-service.ts';
import type { ResourceKey } from '../snapshot.ts';
import type { RoutedService } from './compilation.ts';
import type { Step } from './engine.ts';
import type { Facts } from './facts.ts';
import type { ServiceInUse } from './service-backends.ts';

/** The services behind a resource of which this edge has something to say, as they are now; undefined where none is. */
export function servicesBehind(
  key: ResourceKey,
  used: readonly ServiceInUse[],
  step: Step,
  facts: Facts,
): readonly RoutedService[] | undefined {
  if (used.length === 0 || step.first(facts.concerned, key) === undefined) return undefined;
  const distinct = new Map(used.map((one) => [`${one.service} ${one.provider}`, one]));
  const services = [...distinct]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([, { service, provider }]) => {
      const resource = findResource(service, step, facts);
      return resource ? [routedService(service, provider, resource, step, facts)] : [];
    });
  return services.length > 0 ? services : undefined;
}

function routedService(
  service: ResourceKey,
  provider: string,
  { state, replicas, accelerator }: InferenceService,
  step: Step,
  facts: Facts,
): RoutedService {
  const url = step.first(facts.usableProviders, provider)?.entry.baseURL;
  return { service, provider, state, replicas, accelerator, url };
}

function findResource(key: ResourceKey, step: Step, facts: Facts): InferenceService | undefined {
  const { InferenceService, LLMInferenceService, InferencePool } = facts.resources;
  const id = key.slice(key.indexOf('/') + 1);
  const channel = [InferenceService, LLMInferenceService, InferencePool].find(({ name }) => key.startsWith(`${name}/`));
  return channel && step.first(channel, id);
}
