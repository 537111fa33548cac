import { referredId, type Kind, type ResourceId, type ResourceKey, type ResourceOf } from '../snapshot.ts';
import type { Problem } from './compilation.ts';
import type { Step } from './engine.ts';
import type { Facts } from './facts.ts';

type Attaching = Extract<Kind, 'GatewayRoute' | 'Consumer'>;

/** Where a resource stands to the edge that is compiled. */
type Attachment =
  | { readonly type: 'Here' }
  /** To another edge, which says what is to be said about it. */
  | { readonly type: 'Elsewhere' }
  | { readonly type: 'Nowhere'; readonly problem: Problem };

/** Whether a route or consumer belongs to the edge that is compiled; says so, and says what is wrong if it does not. */
export function attachTo(
  edge: ResourceId,
  key: ResourceKey,
  resource: ResourceOf<Attaching>,
  step: Step,
  facts: Facts,
): Attachment['type'] {
  const attachment = attach(resource, edge, step, facts);
  if (attachment.type !== 'Elsewhere') step.emit(facts.concerned, key, true);
  if (attachment.type === 'Nowhere') step.emit(facts.problems, key, attachment.problem);
  return attachment.type;
}

function attach({ metadata, spec }: ResourceOf<Attaching>, edge: ResourceId, step: Step, facts: Facts): Attachment {
  const named = (spec.parentRefs ?? []).map((ref) => referredId(ref, { metadata }));
  if (named.includes(edge)) return { type: 'Here' };
  if (named.length > 0) {
    const exists = named.some((id) => step.read(facts.gatewaysIn, namespaceOf(id)).includes(id));
    if (exists) return { type: 'Elsewhere' };
    return nowhere(
      `parentRefs names ${list(named)}, which ${named.length > 1 ? 'do' : 'does'} not exist; there ${are(step.read(facts.gatewaysIn, ''))}.`,
    );
  }
  const near = step.read(facts.gatewaysIn, metadata.namespace);
  if (near.length === 1) return { type: near[0] === edge ? 'Here' : 'Elsewhere' };
  if (near.length === 0)
    return nowhere(
      `parentRefs is not set and the namespace ${metadata.namespace} has no EdgeGateway: name one; there ${are(step.read(facts.gatewaysIn, ''))}.`,
    );
  if (!near.includes(edge)) return { type: 'Elsewhere' };
  return nowhere(`parentRefs is not set and the namespace has several EdgeGateways: name one of ${list(near)}.`);
}

function nowhere(message: string): Attachment {
  return { type: 'Nowhere', problem: { type: 'Accepted', reason: 'NoMatchingParent', message } };
}

function namespaceOf(id: ResourceId): string {
  return id.slice(0, id.indexOf('/'));
}

function are(gateways: readonly ResourceId[]): string {
  return gateways.length === 1 ? `is ${gateways[0]}` : `are ${list(gateways)}`;
}

/** Names, in order; a message must not grow with the cluster. */
function list(ids: readonly ResourceId[]): string {
  const shown = ids.slice(0, 5).join(', ');
  return ids.length > 5 ? `${shown} and ${ids.length - 5} more` : shown;
}
