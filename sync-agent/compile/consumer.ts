import { createHash } from 'node:crypto';
import type { ConsumerEntry } from '../../contract/routing-table.ts';
import type { ResourceId, ResourceOf } from '../snapshot.ts';
import { attachTo } from './attach.ts';
import { namespaceFault } from './allowance.ts';
import type { Rule, Step } from './engine.ts';
import { seniorityOf, type Facts } from './facts.ts';
import { findSecretText, type Found } from './secrets.ts';

/** The key index holds this much of a digest and takes nothing twice, so that is what a claim is on. */
const INDEXED_DIGITS = 32;

type Consumer = ResourceOf<'Consumer'>;

/** A consumer's claims on its keys, each with the entry that ships if it gets it. */
export function consumerRule(facts: Facts, edge: ResourceId): Rule<Consumer> {
  return (id, [consumer], step) => {
    if (!consumer || attachTo(edge, consumer, step, facts) !== 'Here') return;
    const resource = `Consumer/${id}`;
    const allowance = step.first(facts.allowance, '');
    if (!allowance) return;
    const fault = namespaceFault(allowance, consumer.metadata.namespace);
    if (fault) return step.emit(facts.problems, resource, fault);
    const seniority = seniorityOf(consumer);
    for (const key of consumer.spec.keys) {
      const digest = digestOf(key, consumer.metadata.namespace, step, facts);
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
