import type { ProviderEntry } from '../../contract/routing-table.ts';
import type { ResourceOf } from '../snapshot.ts';
import type { SecretToSeal } from './compilation.ts';
import type { Step } from './engine.ts';
import type { Facts, Sealing } from './facts.ts';
import { findReleasedSecret, nameSecret, type Destination, type Found, type SecretKeyRef } from './secrets.ts';

/** A part of an entry, and the secrets that it names. */
export interface Part<T> {
  readonly entry: T;
  readonly secrets: readonly SecretToSeal[];
}

/** What a secret would be used for. */
export interface SecretUse {
  /** Of the entry of `providers` that it is sealed for. */
  readonly id: string;
  /** Where the Secret stands. */
  readonly namespace: string;
  readonly destination: Destination;
  readonly sealing: Sealing;
  readonly step: Step;
  readonly facts: Facts;
}

type Header = ResourceOf<'LLMProvider'>['spec']['headers'][number];

export function readHeader(header: Header, use: SecretUse): Found<Part<ProviderEntry['headers'][number]>> {
  const { name } = header;
  switch (header.type) {
    case 'Value':
      return { value: { entry: { name, type: 'Value', value: header.value }, secrets: [] } };
    case 'SecretKeyRef': {
      const found = readSecret(header.secretKeyRef, use);
      return found.problem
        ? found
        : { value: { entry: { name, type: 'Sealed', id: found.value.id }, secrets: [found.value] } };
    }
  }
}

export function readSecret(ref: SecretKeyRef, use: SecretUse): Found<SecretToSeal> {
  const { step, facts, namespace, destination, sealing, id } = use;
  const found = findReleasedSecret(step, facts, namespace, ref, destination);
  return found.problem ? found : { value: nameSecret(sealing, id, destination, ref, found.value) };
}
