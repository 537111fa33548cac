import { z } from 'zod';
import { group } from './group.ts';
import { mapOf } from './lists.ts';
import { dnsLabel, objectName, secretKey, text } from './text.ts';

export const ownOrNamed = text(
  dnsLabel.maxLength ?? 63,
  /^([a-z0-9]([a-z0-9-]*[a-z0-9])?)?$/,
  'must be the name of a namespace: lower-case letters, digits and hyphens, beginning and ending with a letter or digit',
);

/**
 * A reference to a resource of this group. `namespace` is a default of "" and not an absent field, because the keys of
 * a list of references must always be there.
 */
export function referenceTo<const Kind extends string>(kind: Kind, other: string) {
  return z.strictObject({
    group: z.literal(group).default(group).describe('API group of the resource.'),
    kind: z.literal(kind).default(kind).describe('Kind of the resource.'),
    name: objectName.describe(`Name of the ${kind}.`),
    namespace: ownOrNamed
      .default('')
      .describe(`Namespace of the ${kind}. Empty: the namespace of this resource. ${other}`),
  });
}

export const referenceKeys = ['group', 'kind', 'namespace', 'name'] as const;

export const parentReference = referenceTo(
  'EdgeGateway',
  'An EdgeGateway of another namespace admits this one by `spec.allowed`.',
);

export const parentRefs = mapOf(parentReference, referenceKeys, { min: 1, max: 16 })
  .describe(
    'The edges that this resource attaches to. Absent: the one EdgeGateway of the same namespace, where there is exactly one.',
  )
  .optional();

/** One value of a Secret of the same namespace. */
export function secretKeyReference(what: string) {
  return z.strictObject({
    name: objectName.describe('Name of the Secret, which stands in the namespace of this resource.'),
    key: secretKey.describe(`Key of the Secret's data that holds ${what}.`),
  });
}
