import type { InferenceService } from '../../sync-agent/inference/inference-service.ts';
import { edgeSighting, type EdgeSighting, type Sighting } from '../../sync-agent/inference/sighting.ts';
import type { Compilation } from '../../sync-agent/compile/compilation.ts';
import { compile } from '../../sync-agent/compile/compile.ts';
import type { ClusterNamespace, DeniedSecret, Resource } from '../../sync-agent/snapshot.ts';
import { EDGE } from './resource-builders.ts';

/** What a cluster and the edge tell, as a test needs it: what it does not say is filled in so that everything works. */

interface ServiceMeta {
  readonly name?: string;
  readonly namespace?: string;
  /** Of a day in January 2026. */
  readonly day?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly uid?: string;
  readonly generation?: number;
}

/** Ready, two of two replicas, at a public https address of its own; its specification names the model `llama`. */
export function inferenceService(
  facts: Partial<Omit<InferenceService, 'metadata'>> & { readonly phase?: InferenceService['state']['phase'] } = {},
  { name = 'llama', namespace = 'team', day = 1, labels = {}, uid = `uid-${name}`, generation = 1 }: ServiceMeta = {},
): InferenceService {
  const { phase = 'Ready', ...rest } = facts;
  return {
    kind: 'InferenceService',
    metadata: {
      name,
      namespace,
      labels,
      annotations: {},
      uid,
      generation,
      creationTimestamp: `2026-01-${String(day).padStart(2, '0')}T00:00:00Z`,
    },
    state: { phase, message: '' },
    origin: `https://${name}-${namespace}.example.com`,
    paths: ['/openai/v1', '/v1'],
    modelNames: ['llama'],
    replicas: { ready: 2, desired: 2 },
    accelerator: { kind: 'nvidia.com/gpu', count: 1 },
    revisions: [],
    traffic: [],
    ...rest,
  };
}

export function clusterNamespace(name: string, labels: Readonly<Record<string, string>> = {}): ClusterNamespace {
  return { kind: 'Namespace', metadata: { name, namespace: name, labels } };
}

export function deniedSecret(namespace: string, name: string): DeniedSecret {
  return { kind: 'DeniedSecret', metadata: { namespace, name }, command: `kubectl create role read-${name}` };
}

/** The answer of the edge to what is wanted of a provider. @param digest of the question; absent: the one that is asked now */
export function sighting(provider: string, digest: string, seen: Sighting): EdgeSighting {
  return edgeSighting({ id: provider, digest }, seen);
}

export const SEEN: Sighting = { type: 'Seen', path: '/openai/v1', models: ['llama'] };

/** What an edge would tell that gives all questions of a compilation one answer. */
export function sightingsOf({ sightings }: Compilation, seen: Sighting = SEEN): EdgeSighting[] {
  return [...sightings.values()].map(({ id, digest }) => sighting(id, digest, seen));
}

/** Compiles, lets the edge answer everything that it is asked, and compiles with that. */
export function compileSeen(resources: readonly Resource[], seen: Sighting = SEEN): Compilation {
  return compile([...resources, ...sightingsOf(compile(resources, EDGE), seen)], EDGE);
}
