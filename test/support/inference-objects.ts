import type { ApiServer } from './api-server.ts';

/** What KServe's controller and the endpoints' controller would write, for tests that have neither. */
export interface FakeKServe {
  /** Creates or changes the InferenceService. */
  apply(spec?: Readonly<Record<string, unknown>>, annotations?: Readonly<Record<string, string>>): Promise<void>;
  /** Says that it is ready or not, and why. */
  status(ready: 'True' | 'False' | 'Unknown', more?: Readonly<Record<string, unknown>>): Promise<void>;
  /** The pods behind its Service: each is ready or not. */
  endpoints(...ready: readonly boolean[]): Promise<void>;
  delete(): Promise<void>;
}

export interface FakeKServeOptions {
  readonly namespace: string;
  readonly name: string;
  /** Where it says that it can be reached. */
  readonly url: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** The addresses of its pods begin with it. */
  readonly network?: string;
}

export function fakeKServe(api: ApiServer, options: FakeKServeOptions): FakeKServe {
  const { namespace, name, url, labels = {}, network = '10.0.0' } = options;
  return {
    apply: (spec = {}, annotations = {}) =>
      applyObject(api, {
        apiVersion: 'serving.kserve.io/v1beta1',
        kind: 'InferenceService',
        metadata: {
          name,
          namespace,
          labels,
          annotations: { 'serving.kserve.io/deploymentMode': 'RawDeployment', ...annotations },
        },
        spec: {
          predictor: {
            minReplicas: 3,
            model: {
              modelFormat: { name: 'huggingface' },
              args: ['--model_name=llama'],
              resources: { limits: { 'nvidia.com/gpu': '2' } },
            },
            ...spec,
          },
        },
      }),
    async status(ready, more = {}) {
      const conditions = conditionsOf(ready, ['Ready', 'PredictorReady', 'IngressReady']);
      const status = { conditions, ...(ready !== 'Unknown' && { url, address: { url } }), ...more };
      await patchStatus(api, { resource: 'inferenceservice', namespace, name }, status);
    },
    endpoints: (...ready) =>
      applyEndpoints(api, {
        namespace,
        service: `${name}-predictor`,
        port: Number(new URL(url).port),
        pods: ready.map((isReady, index) => ({
          name: `${name}-predictor-1-${index}`,
          address: `${network}.${index + 1}`,
          ready: isReady,
        })),
      }),
    async delete() {
      await api.kubectl(['delete', 'inferenceservice', name, '-n', namespace, '--wait=false']);
    },
  };
}

/** Server-side, as `kubectl apply` of KServe's larger objects must be. */
export async function applyObject(api: ApiServer, object: object): Promise<void> {
  await api.kubectl(['apply', '--server-side', '--force-conflicts', '-f', '-'], JSON.stringify(object));
}

/** Conditions as controllers of Knative's kind write them. */
export function conditionsOf(status: 'True' | 'False' | 'Unknown', types: readonly string[]): readonly object[] {
  return types.map((type) => ({
    type,
    status,
    lastTransitionTime: '2026-01-01T00:00:00Z',
    ...(status === 'True' ? {} : { reason: 'MinimumReplicasUnavailable', message: 'waiting for pods' }),
  }));
}

export async function patchStatus(
  api: ApiServer,
  { resource, namespace, name }: { readonly resource: string; readonly namespace: string; readonly name: string },
  status: object,
): Promise<void> {
  const patch = JSON.stringify({ status });
  await api.kubectl(['patch', resource, name, '-n', namespace, '--subresource=status', '--type=merge', '-p', patch]);
}

export interface FakeEndpoints {
  readonly namespace: string;
  /** Name of the Service of Kubernetes. */
  readonly service: string;
  readonly port: number;
  readonly pods: readonly { readonly name: string; readonly address: string; readonly ready: boolean }[];
}

/** The EndpointSlice of a Service. */
export async function applyEndpoints(api: ApiServer, { namespace, service, port, pods }: FakeEndpoints): Promise<void> {
  await applyObject(api, {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: `${service}-abcde`, namespace, labels: { 'kubernetes.io/service-name': service } },
    addressType: 'IPv4',
    ports: [{ name: 'http', port, protocol: 'TCP' }],
    endpoints: pods.map(({ name, address, ready }) => ({
      addresses: [address],
      conditions: { ready, serving: ready, terminating: false },
      targetRef: { kind: 'Pod', name, namespace },
    })),
  });
}
