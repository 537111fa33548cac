import { createHash } from 'node:crypto';
import type { ConsumerEntry } from '../../contract/routing-table.ts';
import type { ResourceId, ResourceOf } from '../snapshot.ts';
import { attachTo } from './attach.ts';
import { notAdmitted } from './allowance.ts';
import type { Rule, Step } from './engine.ts';
import { seniorityOf, type Facts } from './facts.ts';
import { findSecretText, type Found } from './secrets.ts';

/** The key index holds this much of a digest and takes nothing twice, so that is what a claim is on. */
const INDEXED_DIGITS = 32;

type Consumer = ResourceOf<'Consumer'>;

/** A consumer's claims on its keys, each with the entry that ships if it gets it. */
export function consumerRule(facts: Facts, edge: ResourceId): Rule<Consumer> {
  return (id, [consumer], step) => {
    const resource = `Consumer/${id}`;
    if (!consumer || attachTo(edge, resource, consumer, step, facts) !== 'Here') return;
    const { namespace } = consumer.metadata;
    const admission = step.first(facts.admission, namespace);
    if (admission === undefined) return;
    if (!admission) return step.emit(facts.problems, resource, notAdmitted(edge, namespace));
    const seniority = seniorityOf(consumer);
    for (const key of consumer.spec.keys) {
      const digest = digestOf(key, namespace, step, facts);
      if (digest.problem) {
        step.emit(facts.problems, resource, digest.problem);
        continue;
      }
      const claim = { ...seniority, digest: digest.value, entry: entryOf(id, key, consumer) };
      step.emit(facts.keyClaims, digest.value.slice(0, INDEXED_DIGITS), claim);
    }
  };
}

type Key = Consumer['spec']['keys'][number];

function digestOf(key: Key, namespace: string, step: Step, facts: Facts): Found<string> {
  switch (key.type) {
    case 'SHA256':
      return { value: key.sha256 };
    case 'SecretRef': {
      const found = findSecretText(step, facts, namespace, key.secretRef);
      return found.problem ? found : { value: createHash('sha256').update(found.value).digest('hex') };
    }
  }
}

function entryOf(id: string, { name, expiresAt }: Key, { spec }: Consumer): ConsumerEntry {
  const { team, allowedModels, metadata } = spec;
  return { id, key: name, team, expiresAt, allowedModels, metadata };
}
