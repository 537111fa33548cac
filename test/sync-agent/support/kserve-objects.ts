import type { EndpointSliceFacts } from '../../../sync-agent/inference/endpoint-slice.ts';

/** Objects as the controllers of KServe and of the Gateway API's inference extension leave them. */

export interface ForeignObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Readonly<Record<string, unknown>> & { readonly name: string };
  readonly spec: Readonly<Record<string, unknown>>;
  readonly status?: Readonly<Record<string, unknown>>;
}

export const UID = '7f2d1c9e-0000-4000-8000-000000000001';

/** One that asks for three replicas of one GPU each, in raw mode. */
export function inferenceService(
  status?: Readonly<Record<string, unknown>>,
  { metadata = {}, predictor = {} }: { readonly metadata?: object; readonly predictor?: object } = {},
): ForeignObject {
  return {
    apiVersion: 'serving.kserve.io/v1beta1',
    kind: 'InferenceService',
    metadata: {
      name: 'llama',
      namespace: 'team-a',
      uid: UID,
      resourceVersion: '1',
      generation: 1,
      creationTimestamp: '2026-11-01T00:00:00Z',
      labels: { tier: 'gold' },
      ...metadata,
    },
    spec: {
      predictor: {
        minReplicas: 3,
        maxReplicas: 3,
        model: {
          modelFormat: { name: 'huggingface' },
          args: ['--model_name=llama-3', '--max_model_len=4096'],
          resources: { limits: { 'nvidia.com/gpu': '1' }, requests: { 'nvidia.com/gpu': '1' } },
        },
        ...predictor,
      },
    },
    ...(status && { status }),
  };
}

export function condition(type: string, status: 'True' | 'False' | 'Unknown', reason?: string, message?: string) {
  return { type, status, ...(reason && { reason }), ...(message && { message }) };
}

/** What KServe writes once the predictor's Deployment was available and the ingress made; it stays when pods die. */
export function raw(
  ready: 'True' | 'False' | 'Unknown',
  { totalCopies = 3, message = '', state = 'Loaded' }: { totalCopies?: number; message?: string; state?: string } = {},
) {
  return {
    deploymentMode: 'Standard',
    observedGeneration: 7,
    url: 'http://llama-team-a.gpu.example.com',
    address: { url: 'http://llama-predictor.team-a.svc.cluster.local' },
    components: { predictor: { url: 'http://llama-predictor-team-a.gpu.example.com' } },
    conditions: [
      condition(
        'IngressReady',
        ready === 'True' ? 'True' : 'False',
        ready === 'True' ? '' : 'Predictor ingress not created',
      ),
      condition('PredictorReady', ready, ready === 'True' ? '' : 'MinimumReplicasUnavailable', message),
      condition('Ready', ready, ready === 'True' ? '' : 'MinimumReplicasUnavailable', message),
      condition('Stopped', 'False'),
    ],
    modelStatus: {
      transitionStatus: ready === 'True' ? 'UpToDate' : 'InProgress',
      states: { activeModelState: state, targetModelState: ready === 'True' ? 'Loaded' : 'Pending' },
      copies: { failedCopies: 0, ...(totalCopies > 0 && { totalCopies }) },
    },
  };
}

/** Before anything is ready: KServe already gives a URL. */
export function rawPending(targetModelState = 'Pending', more: object = {}) {
  return {
    deploymentMode: 'Standard',
    url: 'http://llama-team-a.gpu.example.com',
    address: { url: 'http://llama-predictor.team-a.svc.cluster.local' },
    components: { predictor: {} },
    conditions: [
      condition(
        'PredictorReady',
        'False',
        'MinimumReplicasUnavailable',
        'Deployment does not have minimum availability.',
      ),
      condition('Ready', 'False', 'MinimumReplicasUnavailable', 'Deployment does not have minimum availability.'),
    ],
    modelStatus: {
      transitionStatus: targetModelState === 'FailedToLoad' ? 'BlockedByFailedLoad' : 'InProgress',
      states: { activeModelState: '', targetModelState },
      copies: { failedCopies: 0 },
      ...more,
    },
  };
}

/** Pods of one Service, `name-0` and so on, the first of them ready. */
export function slice(
  service: string,
  { ready, broken = 0, terminating = 0 }: { ready: number; broken?: number; terminating?: number },
  more: Partial<EndpointSliceFacts> = {},
): EndpointSliceFacts {
  const pods = [
    ...Array.from({ length: ready }, () => ({ ready: true, serving: true, terminating: false })),
    ...Array.from({ length: broken }, () => ({ ready: false, serving: false, terminating: false })),
    ...Array.from({ length: terminating }, () => ({ ready: false, serving: true, terminating: true })),
  ];
  return {
    namespace: 'team-a',
    service,
    labels: { 'kubernetes.io/service-name': service },
    endpoints: pods.map((pod, i) => ({ address: `10.0.0.${i + 1}`, targetName: `${service}-${i}`, ...pod })),
    ports: [{ name: 'http', port: 8080 }],
    ...more,
  };
}
