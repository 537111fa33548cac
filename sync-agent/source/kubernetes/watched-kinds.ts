import { group, version } from '../../../crds/group.ts';
import { kinds, type Kind as OwnKind } from '../../../crds/kinds.ts';
import { gatewayApiGroup } from '../../../crds/reference-grant.ts';
import type { InferenceKind } from '../../inference/inference-service.ts';

/** What is watched as a whole. Secrets are read only where they are named, EndpointSlices where inference services are. */
export type WatchedKind = OwnKind | InferenceKind | 'ReferenceGrant' | 'Namespace';

export interface KindPlace {
  /** Empty: the core group, which is always served. */
  readonly group: string;
  /** Of several that a cluster serves the first is watched: they are versions of the same objects. */
  readonly versions: readonly string[];
  readonly plural: string;
  /** Whether objects stand in a namespace. */
  readonly isNamespaced: boolean;
}

export const OWN_KINDS: readonly OwnKind[] = Object.values(kinds).map(({ kind }) => kind);

const namespaced = (group: string, plural: string, ...versions: readonly string[]): KindPlace => ({
  group,
  versions,
  plural,
  isNamespaced: true,
});

const own = (kind: OwnKind): KindPlace => namespaced(group, kinds[kind].plural, version);

export const PLACES: Readonly<Record<WatchedKind, KindPlace>> = {
  EdgeGateway: own('EdgeGateway'),
  GatewayRoute: own('GatewayRoute'),
  AIModel: own('AIModel'),
  LLMProvider: own('LLMProvider'),
  Consumer: own('Consumer'),
  ReferenceGrant: namespaced(gatewayApiGroup, 'referencegrants', 'v1', 'v1beta1'),
  InferenceService: namespaced('serving.kserve.io', 'inferenceservices', 'v1beta1'),
  LLMInferenceService: namespaced('serving.kserve.io', 'llminferenceservices', 'v1alpha2', 'v1alpha1'),
  InferencePool: namespaced('inference.networking.k8s.io', 'inferencepools', 'v1'),
  Namespace: { group: '', versions: ['v1'], plural: 'namespaces', isNamespaced: false },
};

export function isOwn(kind: WatchedKind): kind is OwnKind {
  return OWN_KINDS.some((own) => own === kind);
}

/** As kubectl calls it: `aimodels.fairlead.dev`. */
export function qualifiedName({ group, plural }: KindPlace): string {
  return group === '' ? plural : `${plural}.${group}`;
}
