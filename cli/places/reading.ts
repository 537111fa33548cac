import type { KubernetesApi } from '../../sync-agent/kubernetes/api.ts';
import type { Resource, ResourceKey } from '../../sync-agent/snapshot.ts';
import type { Problem, StoredObject } from '../../sync-agent/source/source.ts';
import type { Place } from './place.ts';

/** What a place holds, read once. */
export interface Reading {
  readonly place: Place;
  readonly resources: readonly Resource[];
  readonly problems: readonly Problem[];
  /** What was not read, and what that means: each a sentence. */
  readonly notes: readonly string[];
  /** Where the resources come from a cluster: the cluster itself. */
  readonly cluster: ClusterAtHand | undefined;
}

/** A cluster that can be asked more, until whoever reads it has ended. */
export interface ClusterAtHand {
  readonly api: KubernetesApi;
  /** A resource of ours as the API server had it when it was read. */
  readonly stored: (key: ResourceKey) => StoredObject | undefined;
}
