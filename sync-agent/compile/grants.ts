import { group } from '../../crds/group.ts';
import { inferenceGroups } from '../../crds/inference-references.ts';
import type { ResourceOf } from '../snapshot.ts';
import type { Problem } from './compilation.ts';
import type { Rule, Step } from './engine.ts';
import type { Facts } from './facts.ts';

/** One end of a reference across namespaces. */
interface End {
  readonly kind: string;
  readonly namespace: string;
}

/** Spreads a ReferenceGrant into single permissions, so that a change concerns only those whom it permits something. */
export function grantRule(facts: Facts): Rule<ResourceOf<'ReferenceGrant'>> {
  return (_, [grant], step) => {
    if (!grant) return;
    const { namespace } = grant.metadata;
    for (const from of grant.spec.from)
      for (const to of grant.spec.to)
        if (from.group === group && to.group === groupOf(to.kind))
          step.emit(facts.grants, grantKey(from, { kind: to.kind, namespace }), to.name ?? '*');
  };
}

/** Why a reference to another namespace is not permitted, or undefined if it is. */
export function referenceFault(
  step: Step,
  facts: Facts,
  from: End,
  to: End & { readonly name: string },
): Problem | undefined {
  if (from.namespace === to.namespace) return undefined;
  const granted = step.read(facts.grants, grantKey(from, to));
  if (granted.includes('*') || granted.includes(to.name)) return undefined;
  return {
    type: 'ResolvedRefs',
    reason: 'RefNotPermitted',
    message:
      `${to.kind} ${to.namespace}/${to.name} is in another namespace: a ReferenceGrant in ${to.namespace} must allow ` +
      `it, from group ${group}, kind ${from.kind}, namespace ${from.namespace}, to group ${groupOf(to.kind)}, kind ${to.kind}.`,
  };
}

/** The API group of a kind that can be referred to. */
function groupOf(kind: string): string {
  return new Map<string, string>(Object.entries(inferenceGroups)).get(kind) ?? group;
}

function grantKey(from: End, to: End): string {
  return `${from.kind}/${from.namespace} ${to.kind}/${to.namespace}`;
}
