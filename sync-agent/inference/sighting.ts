import type { ProviderEntry } from '../../contract/routing-table.ts';
import type { SecretToSeal } from '../compile/compilation.ts';

/** What the edge is to be asked: which models answer behind an inference service, by the way that requests will go. */
export interface SightingWanted {
  /** The id of the entry of `providers` that the service is compiled to. */
  readonly id: string;
  /** Of all that the answer depends on: another digest wants another look. */
  readonly digest: string;
  /** Its `baseURL` ends where one of the paths begins. */
  readonly entry: ProviderEntry;
  readonly secrets: readonly SecretToSeal[];
  /** Tried in this order; the first that answers counts. `''` where the base URL is complete. */
  readonly paths: readonly string[];
  /** Nobody is to look now, which would wake it or find nothing: what was seen of this digest is to be kept. */
  readonly isOnlyKept?: boolean;
}

/** Digests of services that are reached in one way begin alike: with their place, which ends at the first hyphen. */
export function placeIn(digest: string): string {
  return digest.split('-', 1)[0] ?? digest;
}

/** Looks under way at once: each is a call of the edge to a service. */
export const PARALLEL_LOOKS = 4;

/** What the edge saw. */
export type Sighting =
  /** `GET {baseURL}{path}/models` answered. */
  | { readonly type: 'Seen'; readonly path: string; readonly models: readonly string[] }
  /** Nothing answered, or nothing that lists models. @property sentence what the edge saw, for people */
  | { readonly type: 'NotSeen'; readonly sentence: string }
  /** The edge itself could not be asked in time, so that nothing is known: the specification's hints count. */
  | { readonly type: 'Unasked' };

/** A sighting as the compiler takes it in. */
export interface EdgeSighting {
  readonly kind: 'EdgeSighting';
  /** The namespace of the service; `name` is the part of the provider's id behind the slash. */
  readonly metadata: { readonly namespace: string; readonly name: string };
  readonly digest: string;
  readonly sighting: Sighting;
}

/** What the edge said to a question. */
export function edgeSighting({ id, digest }: Pick<SightingWanted, 'id' | 'digest'>, sighting: Sighting): EdgeSighting {
  return { kind: 'EdgeSighting', metadata: sightingMetadata(id), digest, sighting };
}

/** @param id of the provider, `namespace/name` */
export function sightingMetadata(id: string): EdgeSighting['metadata'] {
  const slash = id.indexOf('/');
  return { namespace: id.slice(0, slash), name: id.slice(slash + 1) };
}
