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
}

export function fakeKServe(api: ApiServer, { namespace, name, url }: FakeKServeOptions): FakeKServe {
  const apply = async (object: object): Promise<void> => {
    await api.kubectl(['apply', '--server-side', '--force-conflicts', '-f', '-'], JSON.stringify(object));
  };
  return {
    apply: (spec = {}, annotations = {}) =>
      apply({
        apiVersion: 'serving.kserve.io/v1beta1',
        kind: 'InferenceService',
        metadata: {
          name,
          namespace,
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
      const conditions = ['Ready', 'PredictorReady', 'IngressReady'].map((type) => ({
        type,
        status: ready,
        lastTransitionTime: '2026-01-01T00:00:00Z',
        ...(ready === 'True' ? {} : { reason: 'MinimumReplicasUnavailable', message: 'waiting for pods' }),
      }));
      const status = { conditions, ...(ready !== 'Unknown' && { url, address: { url } }), ...more };
      const patch = JSON.stringify({ status });
      const target = ['inferenceservice', name, '-n', namespace];
      await api.kubectl(['patch', ...target, '--subresource=status', '--type=merge', '-p', patch]);
    },
    endpoints: (...ready) =>
      apply({
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        metadata: {
          name: `${name}-predictor-abcde`,
          namespace,
          labels: { 'kubernetes.io/service-name': `${name}-predictor` },
        },
        addressType: 'IPv4',
        ports: [{ name: 'http', port: Number(new URL(url).port), protocol: 'TCP' }],
        endpoints: ready.map((isReady, index) => ({
          addresses: ['10.0.0.1'],
          conditions: { ready: isReady, serving: isReady, terminating: false },
          targetRef: { kind: 'Pod', name: `${name}-${index}`, namespace },
        })),
      }),
    async delete() {
      await api.kubectl(['delete', 'inferenceservice', name, '-n', namespace, '--wait=false']);
    },
  };
}
