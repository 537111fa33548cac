import { z } from 'zod';
import { parentedStatus } from './conditions.ts';
import { age, conditionColumn, objectOf, reasonColumn, type KindDefinition } from './kind-definition.ts';
import { mapOf, setOf, stringMap } from './lists.ts';
import { parentRefs, secretKeyReference } from './references.ts';
import { dnsLabel, modelNamePattern, sha256, teamName, timestamp } from './text.ts';
import { unionOf } from './union.ts';

const key = unionOf(
  z.strictObject({
    name: dnsLabel.describe('Name of the key, which logs give.'),
    type: z
      .enum(['SHA256', 'SecretRef'])
      .describe('SHA256: the digest of the key stands here. SecretRef: the key stands in a Secret.'),
    sha256: sha256
      .describe('SHA-256 of the key, in lower-case hexadecimal, for type SHA256: `printf %s "$KEY" | sha256sum`.')
      .optional(),
    secretRef: secretKeyReference('the key itself')
      .describe('The Secret, for type SecretRef. Only the digest of the key leaves the cluster.')
      .optional(),
    expiresAt: timestamp.describe('When the key stops working. Absent: never.').optional(),
  }),
  { SHA256: 'sha256', SecretRef: 'secretRef' },
);

const spec = z.strictObject({
  parentRefs,
  team: teamName.describe('The team that the consumer belongs to, for logs and for the sharing of limits.').optional(),
  keys: mapOf(key, ['name'], { max: 16 })
    .default([])
    .describe('The keys that the consumer may call with. Several at once, so that they can be rotated.'),
  allowedModels: setOf(modelNamePattern, { min: 1, max: 256 })
    .describe(
      'The model names that the consumer may use: exact, `prefix*`, or `*`. Absent: all that its routes lead to.',
    )
    .optional(),
  metadata: stringMap({ maxEntries: 32, maxKey: 63, maxValue: 256 })
    .default({})
    .describe('Anything that shall stand in the log of each of its requests.'),
});

export const consumer = objectOf('Consumer', { spec, status: parentedStatus });

export const consumerKind = {
  kind: 'Consumer',
  plural: 'consumers',
  singular: 'consumer',
  shortNames: ['csm'],
  summary: 'Who may call.',
  description:
    'Consumer is someone who may call: an application, a person or a team, with the keys that they call with and the models that they may use.',
  columns: [
    { name: 'Team', type: 'string', jsonPath: '.spec.team', description: 'The team that it belongs to.' },
    { name: 'First key', type: 'string', jsonPath: '.spec.keys[0].name', description: 'The first of its keys.' },
    conditionColumn('Accepted'),
    conditionColumn('ResolvedRefs'),
    conditionColumn('Programmed'),
    reasonColumn,
    age,
  ],
  conditions: {
    Accepted: ['Accepted', 'Invalid', 'NoMatchingParent', 'NotAllowedByParent', 'Conflicted'],
    ResolvedRefs: ['ResolvedRefs', 'SecretNotFound', 'SecretAccessDenied'],
    Programmed: ['Programmed', 'Pending', 'NotShipped', 'PublishFailed', 'Suspended', 'ShrinkHeld', 'Pinned'],
  },
  schema: consumer,
  spec,
  status: parentedStatus,
} as const satisfies KindDefinition;
