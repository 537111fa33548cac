import type { Json } from '../../contract/canonical-json.ts';
import { condition as shape } from '../../crds/conditions.ts';
import { apiVersion } from '../../crds/group.ts';
import type { kinds } from '../../crds/kinds.ts';

/**
 * What stands beside examples/cluster in a moment worth looking at, and what the agent says of it all: the GPUs are
 * coming up, and a Secret may not be read.
 */

type Kind = keyof typeof kinds;
type Word = readonly [status: 'True' | 'False', reason: string, message?: string];

/** As `fairlead keygen --endpoint https://llm.example.com --namespace llm` makes it. */
export const EDGE = {
  apiVersion,
  kind: 'EdgeGateway',
  metadata: { name: 'edge', namespace: 'llm' },
  spec: {
    clusterName: 'production',
    endpoint: 'https://llm.example.com',
    publish: { type: 'Edge' },
    signingKeySecretRef: { name: 'edge-signing-key' },
    sealingKeys: [{ kid: 'sealing-Vt1bQh8kq3cN', publicKey: 'MLgzX60bHVbDxMXJ3QanXlRzuhpvpHegQw3BHZr-jUE' }],
  },
};

const SERVED: readonly [Word, Word] = [
  ['True', 'ResolvedRefs'],
  ['True', 'Programmed'],
];
const NOT_READY =
  'backend own-gpus: InferenceService llm/qwen is not ready: 0/1 nodes are available: insufficient nvidia.com/gpu';
const REVISION = { revision: '90cc2e994e52', generation: { term: 3, sequence: 41 } };

export const STATUSES: readonly Json[] = [
  written('EdgeGateway', 'edge', {
    conditions: conditionsOf(...SERVED),
    published: { ...REVISION, time: '2026-11-02T09:12:30Z' },
    served: REVISION,
    isolates: [{ revision: REVISION.revision, count: 12 }],
    propagationSeconds: 0.8,
    attached: { routes: 2, models: 2, providers: 1, consumers: 1 },
  }),
  attached('GatewayRoute', 'chat', SERVED),
  attached('GatewayRoute', 'qwen', SERVED),
  attached('AIModel', 'assistant', SERVED, { deploymentStatus: 'None' }),
  attached(
    'AIModel',
    'qwen',
    [
      ['False', 'BackendNotReady', NOT_READY],
      ['True', 'Programmed'],
    ],
    {
      deploymentStatus: 'Pending',
      availableReplicas: 0,
      lastObservedTime: '2026-11-02T09:11:07Z',
      services: [
        {
          kind: 'InferenceService',
          namespace: 'llm',
          name: 'qwen',
          deploymentStatus: 'Pending',
          readyReplicas: 0,
          desiredReplicas: 1,
          accelerator: 'nvidia.com/gpu',
          acceleratorsPerReplica: 1,
        },
      ],
    },
  ),
  attached('LLMProvider', 'openai', SERVED),
  attached('LLMProvider', 'qwen-tunnel', [
    [
      'False',
      'SecretAccessDenied',
      'the agent may not read Secret llm/tunnel; its owner lets it: kubectl create rolebinding fairlead-secrets --clusterrole=fairlead-secret-reader --serviceaccount=fairlead-system:fairlead -n llm',
    ],
    ['False', 'NotShipped', 'nothing that ships refers to it'],
  ]),
  attached('Consumer', 'demo', SERVED),
];

/** What `kubectl describe` shows of it. @param uid of the AIModel `qwen` @param time ISO 8601, in microseconds */
export function modelEvent(uid: string, time: string): Json {
  return {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { name: 'qwen.1', namespace: 'llm' },
    regarding: { apiVersion, kind: 'AIModel', namespace: 'llm', name: 'qwen', uid },
    reportingController: 'fairlead.dev/sync-agent',
    reportingInstance: 'fairlead-6c8d5b7f9-x7k2p',
    eventTime: time,
    type: 'Warning',
    reason: 'BackendNotReady',
    action: 'Compile',
    note: NOT_READY,
  };
}

function written(kind: Kind, name: string, status: Json): Json {
  return { apiVersion, kind, metadata: { name, namespace: 'llm' }, status };
}

/** Of what is published to the one edge. */
function attached(
  kind: Kind,
  name: string,
  words: readonly [Word, Word],
  more: Readonly<Record<string, Json>> = {},
): Json {
  const conditions = conditionsOf(...words);
  const parentRef = { group: 'fairlead.dev', kind: 'EdgeGateway', namespace: 'llm', name: 'edge' };
  const parents = [{ parentRef, controllerName: 'fairlead.dev/sync-agent', conditions }];
  return written(kind, name, { conditions, parents, ...more });
}

function conditionsOf(resolvedRefs: Word, programmed: Word): Json[] {
  const accepted: Word = ['True', 'Accepted'];
  return Object.entries({ Accepted: accepted, ResolvedRefs: resolvedRefs, Programmed: programmed }).map(
    ([type, [status, reason, message = '']]) =>
      shape.parse({ type, status, observedGeneration: 1, lastTransitionTime: '2026-11-02T09:00:02Z', reason, message }),
  );
}
