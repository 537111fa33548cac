/** Resources of ours that lead to inference services, as JSON for kubectl. */

export function serviceModel(name: string, ...backends: readonly object[]): string {
  return resource('AIModel', name, { modelName: name, backends });
}

export function byService(kind: string, name: string, more: object = {}): object {
  const group = kind === 'InferencePool' ? 'inference.networking.k8s.io' : 'serving.kserve.io';
  return { name: 'gpus', type: 'InferenceService', inferenceServiceRef: { group, kind, name }, ...more };
}

export function bySelector(matchLabels: Readonly<Record<string, string>>, more: object = {}): object {
  return { name: 'gpus', type: 'Selector', selector: { matchLabels }, ...more };
}

export function modelRoute(name: string, models: readonly string[]): string {
  return resource('GatewayRoute', name, { models: models.map((model) => ({ name: model })) });
}

export function resource(kind: string, name: string, spec: object): string {
  return JSON.stringify({
    apiVersion: 'fairlead.dev/v1alpha1',
    kind,
    metadata: { name, namespace: 'default' },
    spec,
  });
}
