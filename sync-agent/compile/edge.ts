import { z } from 'zod';
import { allowShrinkAnnotation } from '../../crds/edge-gateway.ts';
import { resourceId, type ResourceId, type ResourceOf } from '../snapshot.ts';
import { allowanceOf } from './allowance.ts';
import type { Problem, PublishGuards } from './compilation.ts';
import type { Rule, Step } from './engine.ts';
import { compareSeniority, seniorityOf, type Facts } from './facts.ts';
import { readWay } from './publish-way.ts';
import { absentSecret, findSecretText, secretText } from './secrets.ts';

const KEYGEN = 'make one with `fairlead keygen`, and apply it to that namespace';

const signingJwk = z.looseObject({
  kty: z.literal('OKP'),
  crv: z.literal('Ed25519'),
  x: z.string().regex(/^[\w-]{43}$/),
  d: z.string().regex(/^[\w-]{43}$/),
  kid: z.string().min(1),
});

/** Makes every EdgeGateway known to those that look for one, and to those that might conflict with it. */
export function gatewayRule(facts: Facts): Rule<ResourceOf<'EdgeGateway'>> {
  return (id, [gateway], step) => {
    if (!gateway) return;
    step.emit(facts.gatewaysIn, gateway.metadata.namespace, id);
    step.emit(facts.gatewaysIn, '', id);
    step.emit(facts.publishers, publisherKey(gateway), seniorityOf(gateway));
  };
}

/** The EdgeGateway that is compiled: what it allows, with which keys it is published, and whether it may be. */
export function edgeRule(facts: Facts, edge: ResourceId): Rule<ResourceOf<'EdgeGateway'>> {
  return (id, [gateway], step) => {
    if (id !== edge || !gateway) return;
    const key = `EdgeGateway/${id}`;
    const { endpoint, clusterName: cluster, signingKeySecretRef, sealingKeys } = gateway.spec;
    const secretId = resourceId({ namespace: gateway.metadata.namespace, name: signingKeySecretRef.name });
    const keys = readKeys(secretId, step, facts);
    const way = readWay(step, facts, gateway);
    const [sealTo] = sealingKeys;
    const oldest = step.read(facts.publishers, publisherKey(gateway)).sort(compareSeniority)[0];
    const problems = [
      ...(oldest && oldest.id !== id ? [conflict(endpoint, cluster, oldest.id)] : []),
      ...keys.problems,
      ...(way.problem ? [way.problem] : []),
    ];

    step.emit(facts.concerned, key, true);
    step.emit(facts.allowance, '', allowanceOf(id, gateway));
    emitServiceSettings(id, gateway, step, facts);
    step.emit(facts.sealing, '', {
      edge: endpoint,
      cluster,
      kid: sealTo?.kid ?? '',
      secretIdKey: keys.secretIdKey,
    });
    for (const problem of problems) step.emit(facts.problems, key, problem);
    if (problems.length === 0 && way.value && sealTo && keys.signingKey !== undefined)
      step.emit(facts.target, '', {
        way: way.value,
        guards: guardsOf(gateway),
        endpoint,
        cluster,
        signingKey: keys.signingKey,
        sealingKey: { kid: sealTo.kid, publicKey: sealTo.publicKey },
      });
  };
}

/** What it says about the inference services of the cluster. A Secret that is missing there keeps nothing else back. */
function emitServiceSettings(id: ResourceId, gateway: ResourceOf<'EdgeGateway'>, step: Step, facts: Facts): void {
  const { clusterAccess: spec, discovery: entries } = gateway.spec;
  const { namespace } = gateway.metadata;
  if (entries.length > 0) step.emit(facts.discovery, '', { edge: id, namespace, entries });
  if (!spec) return;
  step.emit(facts.clusterAccess, '', { edge: id, namespace, spec });
  for (const header of spec.headers) {
    if (header.type === 'Value') continue;
    const { problem } = findSecretText(step, facts, namespace, header.secretKeyRef);
    if (problem) step.emit(facts.problems, `EdgeGateway/${id}`, problem);
  }
}

function guardsOf({ metadata, spec }: ResourceOf<'EdgeGateway'>): PublishGuards {
  const { suspend, pinnedRevision, deletionPolicy } = spec;
  return { suspend, pinnedRevision, allowShrink: metadata.annotations[allowShrinkAnnotation], deletionPolicy };
}

function publisherKey({ spec }: ResourceOf<'EdgeGateway'>): string {
  return `${spec.clusterName} ${spec.endpoint}`;
}

function conflict(endpoint: string, cluster: string, winner: ResourceId): Problem {
  return {
    type: 'Accepted',
    reason: 'Conflicted',
    message:
      `EdgeGateway ${winner}, which is older, publishes to ${endpoint} as ${cluster} already: ` +
      'delete one of the two, or give this one another endpoint or clusterName.',
  };
}

function secretNotFound(message: string): Problem {
  return { type: 'ResolvedRefs', reason: 'SecretNotFound', message };
}

interface EdgeKeys {
  readonly signingKey: string | undefined;
  readonly secretIdKey: Buffer | undefined;
  readonly problems: Problem[];
}

function readKeys(id: ResourceId, step: Step, facts: Facts): EdgeKeys {
  const secret = step.first(facts.resources.Secret, id);
  if (!secret) {
    const absent = `Secret ${id}, which signingKeySecretRef names, does not exist: ${KEYGEN}.`;
    const problem = absentSecret(step, facts, id, absent);
    return { signingKey: undefined, secretIdKey: undefined, problems: [problem] };
  }
  const signingKey = secretText(secret, 'signing-key');
  const secretIdKey = secretText(secret, 'secret-id-key');
  const problems: Problem[] = [];
  if (signingKey === undefined || !isSigningKey(signingKey))
    problems.push(
      secretNotFound(`Secret ${id} has no private Ed25519 JWK with a kid under the key signing-key: ${KEYGEN}.`),
    );
  if (secretIdKey === undefined || !/^[\w-]{43}$/.test(secretIdKey))
    problems.push(secretNotFound(`Secret ${id} has no 32 bytes in base64url under the key secret-id-key: ${KEYGEN}.`));
  return {
    signingKey,
    secretIdKey: problems.length === 0 && secretIdKey !== undefined ? Buffer.from(secretIdKey, 'base64url') : undefined,
    problems,
  };
}

function isSigningKey(text: string): boolean {
  try {
    return signingJwk.safeParse(JSON.parse(text)).success;
  } catch {
    return false;
  }
}
