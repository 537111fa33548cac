import { isDeepStrictEqual } from 'node:util';
import { describeIssue } from '../../../crds/issues.ts';
import { parseResource, type Resource } from '../../../crds/parse-resource.ts';
import type { ApiObject } from './api-object.ts';

/** The annotation that holds all that `kubectl apply` was last given: as large as the object itself. */
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

/** What of an object is compiled, checked; or why it cannot be. */
export interface ReadResource {
  readonly resource: Resource | undefined;
  readonly issues: readonly string[];
}

/**
 * An object as it is compiled: without status, and of its metadata only what somebody meant.
 *
 * @param before what was read of it before: the same object is returned where nothing in it has changed
 */
export function readResource(object: ApiObject, kind: Resource['kind'], before: Resource | undefined): ReadResource {
  const content = kind === 'Secret' ? { type: object['type'], data: object['data'] } : { spec: object['spec'] };
  // The items of a list of Secrets do not say what they are.
  const apiVersion = object['apiVersion'] ?? 'v1';
  const parsed = parseResource(defined({ apiVersion, kind, metadata: metadataOf(object, kind), ...defined(content) }));
  switch (parsed.outcome) {
    case 'resource':
      if (before && isDeepStrictEqual(before, parsed.resource)) return { resource: before, issues: [] };
      return { resource: detached(parsed.resource), issues: [] };
    case 'invalid':
      return { resource: undefined, issues: parsed.issues.map(describeIssue) };
    case 'unread':
      return { resource: undefined, issues: [`${parsed.kind} of ${parsed.apiVersion} is not read`] };
  }
}

function metadataOf({ metadata }: ApiObject, kind: Resource['kind']): Record<string, unknown> {
  const { name, namespace, labels, generation, creationTimestamp, deletionTimestamp, finalizers } = metadata;
  const annotations = withoutLastApplied(metadata.annotations);
  if (kind === 'Secret') return defined({ name, namespace, annotations });
  return defined({
    name,
    namespace,
    labels,
    annotations,
    // Where there is none the schema of objects had to fill it in.
    generation: generation === 0 ? undefined : generation,
    creationTimestamp,
    deletionTimestamp,
    finalizers,
  });
}

export function withoutLastApplied(
  annotations: Readonly<Record<string, string>> | undefined,
): Readonly<Record<string, string>> | undefined {
  if (!annotations || !(LAST_APPLIED in annotations)) return annotations;
  return Object.fromEntries(Object.entries(annotations).filter(([name]) => name !== LAST_APPLIED));
}

function defined(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/** What a schema builds up member by member takes half as much memory again as an object that is made at once. */
function detached(resource: Resource): Resource {
  return JSON.parse(JSON.stringify(resource));
}
