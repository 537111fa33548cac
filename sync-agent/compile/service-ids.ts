import { createHash } from 'node:crypto';
import { canonicalJson, type Json } from '../../contract/canonical-json.ts';
import type { InferenceKind } from '../inference/inference-service.ts';
import type { ResourceId } from '../snapshot.ts';

/** How the edge reaches an inference service: as an LLMProvider says, as the EdgeGateway does, or the service itself. */
export type Connection =
  | { readonly type: 'Provider'; readonly id: ResourceId }
  | { readonly type: 'ClusterAccess' }
  | { readonly type: 'Own' };

interface NamedService {
  readonly kind: InferenceKind;
  readonly namespace: string;
  readonly name: string;
}

/**
 * What is compiled from an inference service is named after it, its kind and a digest. Two dots in a row stand in no
 * name of an object, so that it meets nothing that is compiled from a resource. The digest is long enough that nobody
 * finds a connection of theirs by which another's would be called.
 */
const DIGEST_DIGITS = 16;
/** Leaves room for the rest: a name in the table has 253 characters at most. */
const NAME_LENGTH = 200;

/** Id of the entry of `providers` that a service is compiled to by a connection. */
export function serviceProviderId(service: NamedService, connection: Connection): string {
  return serviceId(service, connection);
}

/** Id of the model, and of the route if it has one, by which a service is reached without an AIModel. */
export function serviceModelId(
  service: NamedService,
  names: { readonly modelName: string; readonly upstream: string },
) {
  return serviceId(service, names);
}

/** Whether an entry was compiled from an inference service, and not from the resource of its id. */
export function isServiceEntry(id: string): boolean {
  return id.includes('..');
}

/** `namespace/name..kind` of the service that an entry was compiled from: the same for all of its models. */
export function serviceOf(id: string): string {
  return id.slice(0, id.lastIndexOf('-'));
}

function serviceId({ kind, namespace, name }: NamedService, what: Json): string {
  const digest = createHash('sha256').update(canonicalJson({ name, what })).digest('hex').slice(0, DIGEST_DIGITS);
  return `${namespace}/${name.slice(0, NAME_LENGTH)}..${kind.toLowerCase()}-${digest}`;
}
