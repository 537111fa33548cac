import { resourceId, type Resource, type ResourceId, type ResourceOf } from '../../sync-agent/snapshot.ts';

export function gatewaysOf(resources: readonly Resource[]): ResourceOf<'EdgeGateway'>[] {
  return resources.filter((resource): resource is ResourceOf<'EdgeGateway'> => resource.kind === 'EdgeGateway');
}

/** The Secrets that hold the keys which EdgeGateways sign with. */
export function signingSecrets(gateways: readonly ResourceOf<'EdgeGateway'>[]): ReadonlySet<ResourceId> {
  const secrets = gateways.map(({ metadata, spec }) =>
    resourceId({ namespace: metadata.namespace, name: spec.signingKeySecretRef.name }),
  );
  return new Set(secrets);
}
