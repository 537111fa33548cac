import { resourceId, type Resource, type ResourceId } from '../../snapshot.ts';

/** What a resource names of a Secret. */
export interface SecretReference {
  readonly secret: ResourceId;
  /** Undefined: the Secret as a whole. */
  readonly key: string | undefined;
}

/**
 * The Secrets that a resource names, all of its own namespace. Every reference to one stands under a name that ends in
 * `SecretRef` or `SecretKeyRef`, in whatever field: so a field that is added to a kind is read without a change here.
 */
export function secretsNamedBy(resource: Resource): ReadonlySet<ResourceId> {
  return new Set(secretReferences(resource).map(({ secret }) => secret));
}

/** The same with the keys that are named of each, as often as they are. */
export function secretReferences(resource: Resource): readonly SecretReference[] {
  const found: { readonly name: string; readonly key?: unknown }[] = [];
  if ('spec' in resource) collect(resource.spec, found);
  const { namespace } = resource.metadata;
  return found.map(({ name, key }) => ({
    secret: resourceId({ namespace, name }),
    key: typeof key === 'string' ? key : undefined,
  }));
}

function collect(value: unknown, found: { readonly name: string; readonly key?: unknown }[]): void {
  if (typeof value !== 'object' || value === null) return;
  for (const [field, member] of Object.entries(value)) {
    if (/[sS]ecret(Key)?Ref$/.test(field) && isNamed(member)) found.push(member);
    collect(member, found);
  }
}

function isNamed(value: unknown): value is { readonly name: string; readonly key?: unknown } {
  return typeof value === 'object' && value !== null && 'name' in value && typeof value.name === 'string';
}
