import { referredId, type ResourceKey, type ResourceOf } from '../snapshot.ts';
import type { Condition, EntryRef, Problem } from './compilation.ts';
import type { Rule } from './engine.ts';
import type { Facts } from './facts.ts';

/**
 * Whether this edge has something to say of a model or provider that no other edge has: where a resource of this edge
 * mentions it, or none at all does.
 */
export function modelConcernRule(facts: Facts): Rule<ResourceOf<'AIModel'>> {
  return (id, [model], step) => {
    const key = `AIModel/${id}`;
    const here = isConcerned(step.read(facts.mentions, key));
    if (here) step.emit(facts.concerned, key, true);
    for (const backend of model?.spec.backends ?? []) {
      const ref = backend.type === 'Provider' ? backend.providerRef : backend.connectionRef;
      if (model && ref) step.emit(facts.mentions, `LLMProvider/${referredId(ref, model)}`, here ? 'Here' : 'Elsewhere');
    }
  };
}

export function providerConcernRule(facts: Facts): Rule<ResourceOf<'LLMProvider'>> {
  return (id, _, step) => {
    const key = `LLMProvider/${id}`;
    if (isConcerned(step.read(facts.mentions, key))) step.emit(facts.concerned, key, true);
  };
}

function isConcerned(mentions: readonly ('Here' | 'Elsewhere')[]): boolean {
  return mentions.length === 0 || mentions.includes('Here');
}

/** What is said of a resource, from everything that stands against it and what of it ships. */
export function conditionsOf(
  key: ResourceKey,
  problems: readonly Problem[],
  entries: readonly EntryRef[],
): readonly Condition[] {
  if (problems.length === 0) return entries.length === 0 && shipsByReference(key) ? UNUSED : SOUND;
  return [
    condition(
      problems.filter(({ type }) => type === 'Accepted'),
      ACCEPTED,
    ),
    condition(
      problems.filter(({ type }) => type === 'ResolvedRefs'),
      RESOLVED,
    ),
  ];
}

const ACCEPTED: Condition = {
  type: 'Accepted',
  status: 'True',
  reason: 'Accepted',
  message: 'It is sound, and may claim what it claims.',
};
const RESOLVED: Condition = {
  type: 'ResolvedRefs',
  status: 'True',
  reason: 'ResolvedRefs',
  message: 'Every reference leads somewhere.',
};
/** Shared by the thousands of which nothing else is said. */
const SOUND = [ACCEPTED, RESOLVED];
const UNUSED = [
  { ...ACCEPTED, message: 'Not published: no route that is published to this edge leads to it.' },
  RESOLVED,
];

function shipsByReference(key: ResourceKey): boolean {
  return key.startsWith('AIModel/') || key.startsWith('LLMProvider/');
}

/** As many as a person reads; the rest shows when these are mended. */
const SHOWN_PROBLEMS = 5;

function condition(problems: readonly Problem[], good: Condition): Condition {
  const [first] = problems;
  if (!first) return good;
  // Two headers may want the same Secret.
  const messages = [...new Set(problems.map(({ message }) => message))];
  const shown = messages.slice(0, SHOWN_PROBLEMS);
  const more = messages.length > SHOWN_PROBLEMS ? [`And ${messages.length - SHOWN_PROBLEMS} more.`] : [];
  // A line each, because many end in a command to copy.
  return { ...first, status: 'False', message: [...shown, ...more].join('\n') };
}
