import { z } from 'zod';
import { atomicListOf, mapOf } from './lists.ts';
import { parentReference } from './references.ts';
import { timestamp } from './text.ts';

/** Every condition type that the agent writes, what it says, and the closed list of its reasons. */
export const conditionTypes = {
  Accepted: {
    description: 'The resource is sound, and the edge lets it claim what it claims.',
    reasons: {
      Accepted: 'True. Nothing stands against it.',
      Invalid: 'The resource breaks a rule that only the agent can check; the message says which.',
      NoMatchingParent:
        'The EdgeGateway that it attaches to does not exist, or none is named and there is not exactly one.',
      NotAllowedByParent: "The EdgeGateway's `spec.allowed` does not admit it; the message says what is missing.",
      Conflicted: 'An older or more specific resource claims the same; the message says which.',
    },
  },
  ResolvedRefs: {
    description: 'Everything that the resource refers to exists and may be used by it.',
    reasons: {
      ResolvedRefs: 'True. Every reference leads somewhere.',
      InvalidKind: 'A reference names a kind that cannot stand there.',
      RefNotPermitted: 'A reference leads to another namespace, and no ReferenceGrant there permits it.',
      ModelNotFound: 'An AIModel that is referred to does not exist, or cannot be served.',
      BackendNotFound:
        'An LLMProvider or inference service that is referred to does not exist, or cannot be used; or no service has the labels.',
      BackendNotReady: 'An inference service cannot answer: the message says what it says of itself.',
      BackendUnreachable:
        'An inference service is ready, but the edge does not reach it, or sees another model there; the message says what it saw.',
      BackendPending: 'The edge has not yet looked at an inference service. It does so once the service is ready.',
      SecretNotFound: 'A Secret that is referred to does not exist, or lacks the key.',
      SecretNotReleased:
        'The Secret does not name the host that it would be sent to in its annotation `fairlead.dev/hosts`; the message gives the command that adds it.',
      SecretAccessDenied:
        'The agent may not read a Secret that is referred to; the message gives the command that lets it.',
    },
  },
  Programmed: {
    description: 'The edge has said that it serves this resource as it stands.',
    reasons: {
      Programmed: 'True. Every revision that is being served holds it.',
      Pending: 'The edge has not confirmed the current revision yet.',
      NotShipped: 'It is left out of the table; the other conditions say why, or nothing that ships refers to it.',
      PublishFailed: 'The edge could not be reached, or refused the revision; the message says why.',
      Suspended: 'The EdgeGateway has `spec.suspend`, and what the edge serves is not this.',
      ShrinkHeld:
        'The next revision would take so much away from the edge that it waits for a word; the message says what would go, and gives the command that lets it.',
      Pinned: 'The EdgeGateway has `spec.pinnedRevision`, and that revision does not hold it as it stands.',
      PinnedRevisionNotFound:
        'The edge does not keep the revision that `spec.pinnedRevision` names; the message lists those that it keeps.',
      Conflicted:
        'A route of a cluster that the edge lists earlier claims the same, and is served in its place; the message says which.',
    },
  },
} as const;

export type ConditionType = keyof typeof conditionTypes;
export type ConditionReason = {
  [Type in ConditionType]: keyof (typeof conditionTypes)[Type]['reasons'];
}[ConditionType];

export const condition = z.strictObject({
  type: z.string().min(1).max(316).describe('What the condition is about: Accepted, ResolvedRefs or Programmed.'),
  status: z.enum(['True', 'False', 'Unknown']).describe('Whether it holds.'),
  observedGeneration: z
    .int()
    .min(0)
    .describe('The `metadata.generation` that the condition was made for. Older than the current one: out of date.')
    .optional(),
  lastTransitionTime: timestamp.describe('When the status last changed.'),
  reason: z.string().min(1).max(1024).describe('Why, as one word of a closed list, for programs.'),
  message: z.string().max(32_768).describe('Why, and what to do about it, for people.'),
});

export const conditions = mapOf(condition, ['type'], { max: 8 })
  .describe('The state of the resource over all edges that it attaches to, for `kubectl wait`.')
  .optional();

const parentStatus = z.strictObject({
  parentRef: parentReference.describe('The edge that these conditions are about.'),
  controllerName: z.string().min(1).max(253).describe('The controller that wrote them.'),
  conditions: mapOf(condition, ['type'], { max: 8 }).describe('The state of the resource on this edge.').optional(),
});

/** The status of everything that ships to edges: per edge, and summed up. */
export const parentedStatus = z.strictObject({
  conditions,
  parents: atomicListOf(parentStatus, { max: 32 }).describe('The state of the resource on each edge.').optional(),
});
