import { apiVersion } from '../../../crds/group.ts';
import { isKind, kinds, type Kind } from '../../../crds/kinds.ts';
import type { ResourceKey } from '../../snapshot.ts';

/** A resource of ours, from its key. */
export interface ResourceAddress {
  readonly kind: Kind;
  readonly namespace: string;
  readonly name: string;
  /** Of the object at the API server. */
  readonly path: string;
}

/** Undefined for what is not of our group. */
export function resourceAddress(key: ResourceKey): ResourceAddress | undefined {
  const [kind = '', namespace = '', name = ''] = key.split('/');
  if (!isKind(kind)) return undefined;
  return { kind, namespace, name, path: `/apis/${apiVersion}/namespaces/${namespace}/${kinds[kind].plural}/${name}` };
}
