import type { ResourceOf } from '../snapshot.ts';
import type { Problem } from './compilation.ts';
import type { Step } from './engine.ts';
import type { Facts } from './facts.ts';
import { findService, type ServiceInUse } from './service-backends.ts';
import { serviceProviderId } from './service-ids.ts';
import { modelsKnown, serviceModel, type ServiceModel } from './service-model.ts';
import { usualConnection, type Service } from './service.ts';
import { standingProblems } from './standing.ts';

type Route = ResourceOf<'GatewayRoute'>;

/** What a route's `targetService` leads to. */
export interface TargetService {
  readonly service: Service;
  readonly used: ServiceInUse;
  /** By the names that the service serves. */
  readonly models: readonly ServiceModel[];
  readonly problems: readonly Problem[];
}

/** Undefined where the route has none; without a service where it may not be referred to. */
export function findTarget(
  route: Route,
  step: Step,
  facts: Facts,
): TargetService | { readonly service?: never; readonly problems: readonly Problem[] } | undefined {
  const { targetService } = route.spec;
  if (!targetService) return undefined;
  const found = findService(targetService, route, step, facts);
  if (!found.service) return { problems: [found.problem] };
  const { service } = found;
  const provider = serviceProviderId(service, usualConnection(step, facts));
  const standing = step.first(facts.standings, provider);
  const models = modelsKnown(standing).map((name) =>
    serviceModel(service, provider, standing, { modelName: name, upstream: name }),
  );
  return {
    service,
    used: { service: service.key, provider },
    models,
    problems: standing ? standingProblems(service, standing) : [],
  };
}
