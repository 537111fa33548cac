import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Json } from '../../contract/canonical-json.ts';
import { apiVersion } from '../../crds/group.ts';
import { kinds, type Kind } from '../../crds/kinds.ts';
import { compile } from '../../sync-agent/compile/compile.ts';
import { resourceKey, type ResourceKey } from '../../sync-agent/snapshot.ts';
import { StatusFacts } from '../../sync-agent/status/kubernetes/status-facts.ts';
import { CONTROLLER_NAME } from '../../sync-agent/status/kubernetes/status-of-resource.ts';
import { transitionEvents } from '../../sync-agent/status/kubernetes/transition-events.ts';
import { wantedStatus } from '../../sync-agent/status/kubernetes/wanted-status.ts';
import { programmedConditions } from '../../sync-agent/status/programmed.ts';
import { readResources } from '../support/read-resources.ts';
import { edgeKeys, secret } from '../support/resource-builders.ts';
import { clusterNamespace, inferenceService } from '../support/service-builders.ts';

/**
 * What stands beside examples/cluster in a moment worth looking at, and what the agent says of it all, by the code that
 * says it: the GPUs are coming up, and a Secret may not be read.
 */

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

/** Of examples/cluster, what is a resource of ours. */
export const EXAMPLE_FILES: readonly string[] = [
  ...readdirSync('examples/cluster').filter((file) => file.endsWith('.yaml')),
  'gpu/2-connection.yaml',
  'gpu/3-model.yaml',
].map((file) => join('examples/cluster', file));

const REVISION = '90cc2e994e52';
const GENERATION = { term: 3, sequence: 41 };
const ISOLATES = [{ revision: REVISION, count: 12 }];

const ours = readResources(JSON.stringify(EDGE), ...EXAMPLE_FILES.map((file) => readFileSync(file, 'utf8')));
const beside = [
  clusterNamespace('llm'),
  edgeKeys({}, { name: 'edge-signing-key', namespace: 'llm' }),
  secret({ 'api-key': 'sk-openai' }, { name: 'openai', namespace: 'llm', annotations: hosts('api.openai.com') }),
  {
    kind: 'DeniedSecret',
    metadata: { namespace: 'llm', name: 'tunnel' },
    command:
      'kubectl create rolebinding fairlead-secrets --clusterrole=fairlead-secret-reader --serviceaccount=fairlead-system:fairlead -n llm',
  } as const,
  inferenceService(
    {
      state: { phase: 'Pending', message: '0/1 nodes are available: insufficient nvidia.com/gpu' },
      origin: undefined,
      modelNames: ['qwen'],
      replicas: { ready: 0, desired: 1 },
    },
    { name: 'qwen', namespace: 'llm' },
  ),
];

/** The status of each of ours, as the agent writes it. */
export function statuses(): { readonly key: ResourceKey; readonly object: Json }[] {
  const facts = whatTheAgentKnows();
  return ours.flatMap((resource) => {
    const { kind, metadata } = resource;
    const key = resourceKey(resource);
    if (!isOurs(kind)) return [];
    const { conditions, parents, fields } = wantedStatus({
      kind,
      key,
      edge: `${metadata.namespace}/${metadata.name}`,
      facts,
      stored: { conditions: [], parents: [], fields: {} },
      generation: 1,
      now: '2026-11-02T09:00:02Z',
      isNew: () => false,
    });
    const status = JSON.parse(JSON.stringify({ conditions, parents, ...fields }));
    const { name, namespace } = metadata;
    return [{ key, object: { apiVersion, kind, metadata: { name, namespace }, status } }];
  });
}

/** The Events that its beginning is worth. @param uid of the object @param time ISO 8601, in microseconds */
export function eventsOf(key: ResourceKey, uid: string, time: string): Json[] {
  const [kind = '', namespace = '', name = ''] = key.split('/');
  const [opinion] = whatTheAgentKnows().about(key).opinions;
  const conditions = [...(opinion?.conditions ?? []), ...(opinion?.programmed ? [opinion.programmed] : [])];
  return transitionEvents(
    [],
    conditions.map((condition) => ({ ...condition, lastTransitionTime: time })),
  ).map(({ type, reason, note, action }, index) => ({
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { name: `${name}.${kind.toLowerCase()}.${index}`, namespace },
    regarding: { apiVersion, kind, namespace, name, uid },
    reportingController: CONTROLLER_NAME,
    reportingInstance: 'fairlead-6c8d5b7f9-x7k2p',
    eventTime: time,
    type,
    reason,
    action,
    note,
  }));
}

function whatTheAgentKnows(): StatusFacts {
  const edge = 'llm/edge';
  const compilation = compile([...ours, ...beside], edge);
  const generations = new Map<ResourceKey, number>();
  const { conditions, counts, services, discovered } = compilation;
  const facts = new StatusFacts();
  facts.take({ type: 'edges', edges: new Set([edge]), unattached: new Map() });
  facts.take({ type: 'compiled', edge, conditions, counts, generations, services, discovered });
  const programmed = programmedConditions({
    edge,
    compilation,
    history: { holds: () => true },
    revision: REVISION,
    isWhole: true,
    hold: undefined,
    word: {
      probe: { cluster: 'production', revision: REVISION, generation: GENERATION, confirmed: true },
      state: {
        current: {
          revision: REVISION,
          jws: '',
          pointer: {
            schemaVersion: 1,
            edge: '',
            cluster: '',
            clusterUid: '',
            generation: GENERATION,
            replaces: null,
            issuedAt: '',
            sections: { routes: [], models: [], providers: [], consumers: [], secrets: [], keys: [] },
          },
        },
        term: GENERATION.term,
        floor: GENERATION,
        reads: { schemaVersions: [1], features: [] },
        conflicts: [],
        serving: ISOLATES.map((one) => ({ ...one, ageMs: 0 })),
        refused: [],
      },
    },
    failure: undefined,
  });
  facts.take({ type: 'programmed', edge, conditions: programmed, generations });
  const served = { revision: REVISION, generation: GENERATION };
  facts.take({
    type: 'observed',
    edge,
    observation: {
      published: { ...served, time: '2026-11-02T09:12:30Z' },
      served,
      isolates: ISOLATES,
      propagationSeconds: 0.8,
    },
  });
  return facts;
}

function isOurs(kind: string): kind is Kind {
  return kind in kinds;
}

function hosts(names: string): Readonly<Record<string, string>> {
  return { 'fairlead.dev/hosts': names };
}
