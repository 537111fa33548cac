import { resourceId, type Resource, type ResourceId } from '../../snapshot.ts';

/**
 * The Secrets that a resource names, all of its own namespace. Every reference to one stands under a name that ends in
 * `SecretRef` or `SecretKeyRef`, in whatever field: so a field that is added to a kind is read without a change here.
 */
export function secretsNamedBy(resource: Resource): ReadonlySet<ResourceId> {
  const names = new Set<string>();
  if ('spec' in resource) collect(resource.spec, names);
  const { namespace } = resource.metadata;
  return new Set([...names].map((name) => resourceId({ namespace, name })));
}

function collect(value: unknown, names: Set<string>): void {
  if (typeof value !== 'object' || value === null) return;
  for (const [field, member] of Object.entries(value)) {
    if (/[sS]ecret(Key)?Ref$/.test(field) && isNamed(member)) names.add(member.name);
    collect(member, names);
  }
}

function isNamed(value: unknown): value is { readonly name: string } {
  return typeof value === 'object' && value !== null && 'name' in value && typeof value.name === 'string';
}
