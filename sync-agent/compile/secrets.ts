import { createHash, createHmac } from 'node:crypto';
import { canonicalJson } from '../../contract/canonical-json.ts';
import { hostMatches } from '../../contract/route-match.ts';
import { hostsAnnotation, secretValue } from '../../crds/secret.ts';
import { resourceId, type ResourceId, type ResourceOf } from '../snapshot.ts';
import type { Problem, SecretToSeal } from './compilation.ts';
import type { Step } from './engine.ts';
import type { Facts, Sealing } from './facts.ts';

export interface SecretKeyRef {
  readonly name: string;
  readonly key: string;
}

/** Where a secret would be sent: the origin of a URL, or `binding:NAME`. */
export type Destination = string;

export type Found<T> =
  | { readonly value: T; readonly problem?: never }
  | { readonly value?: never; readonly problem: Problem };

/** The hub takes no bucket of a megabyte: one huge value would stop all publishing. */
const LONGEST_VALUE = 8192;

/** A key of a Secret of the same namespace, as text. */
export function findSecretText(step: Step, facts: Facts, namespace: string, ref: SecretKeyRef): Found<string> {
  const id = resourceId({ namespace, name: ref.name });
  const secret = step.first(facts.resources.Secret, id);
  if (!secret) return { problem: absentSecret(step, facts, id, `Secret ${id} does not exist.`) };
  const value = secretText(secret, ref.key);
  if (value === undefined) return missing(`Secret ${id} has no key ${ref.key}, or what it holds is not text.`);
  if (value.length > LONGEST_VALUE)
    return missing(
      `The key ${ref.key} of Secret ${id} holds more than ${LONGEST_VALUE} characters, which no header carries.`,
    );
  if (!/^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(value))
    return missing(
      `The key ${ref.key} of Secret ${id} must hold one line of printable ASCII, which a header can carry.`,
    );
  return { value };
}

/** Why there is no Secret: it is not there, or the agent may not see it. @param absent what to say where it is not there */
export function absentSecret(step: Step, facts: Facts, id: ResourceId, absent: string): Problem {
  const denied = step.first(facts.resources.DeniedSecret, id);
  if (!denied) return { type: 'ResolvedRefs', reason: 'SecretNotFound', message: absent };
  const message = `The agent may not read Secret ${id}. To let it, run: ${denied.command}`;
  return { type: 'ResolvedRefs', reason: 'SecretAccessDenied', message };
}

/** A Secret's value for a destination, which its owner must have released it for. */
export function findReleasedSecret(
  step: Step,
  facts: Facts,
  namespace: string,
  ref: SecretKeyRef,
  destination: Destination,
): Found<string> {
  const found = findSecretText(step, facts, namespace, ref);
  const secret = step.first(facts.resources.Secret, resourceId({ namespace, name: ref.name }));
  const annotation = secret?.metadata.annotations[hostsAnnotation];
  const released = releasedHosts(annotation ?? '');
  const [host, ...spellings] = hostsOf(destination);
  if (found.problem || [host, ...spellings].some((name) => isReleased(name, released))) return found;
  const hosts = [...released, host].join(',');
  const overwrite = annotation === undefined ? '' : ' --overwrite';
  return {
    problem: {
      type: 'ResolvedRefs',
      reason: 'SecretNotReleased',
      message:
        `Secret ${namespace}/${ref.name} is not released for ${host}. If it is meant to be sent there, run: ` +
        `kubectl annotate secret -n ${namespace} ${ref.name} ${hostsAnnotation}=${quoted(hosts)}${overwrite}`,
    },
  };
}

/** The text under a key, without the line break that editors and `echo` leave; undefined where it is not UTF-8. */
export function secretText(secret: ResourceOf<'Secret'>, key: string): string | undefined {
  const bytes = secretValue(secret, key);
  if (bytes === undefined) return undefined;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes).replace(/[\r\n]+$/, '');
  } catch {
    return undefined;
  }
}

/** Names a secret for one use, so that equal secrets are sealed once and no name tells anything about a value. */
export function nameSecret(
  sealing: Sealing,
  provider: ResourceId,
  destination: Destination,
  ref: SecretKeyRef,
  value: string,
): SecretToSeal {
  const { edge, cluster, kid, secretIdKey } = sealing;
  const origins = [destination];
  const binding = { edge, cluster, provider, origins };
  // Without a key the name would let anyone test guesses of the value. Such a table is shown, never published.
  const id = secretIdKey
    ? createHmac('sha256', secretIdKey).update(canonicalJson({ kid, binding, value }))
    : createHash('sha256').update(canonicalJson({ kid, binding, ref: { name: ref.name, key: ref.key } }));
  return { id: id.digest('hex'), value, provider, origins };
}

/** The same secret for the entry of another provider that leads to the same place. */
export function renameSecret(
  sealing: Sealing,
  { id: known, value, origins }: SecretToSeal,
  provider: string,
): SecretToSeal {
  const { edge, cluster, kid, secretIdKey } = sealing;
  const binding = { edge, cluster, provider, origins };
  const id = secretIdKey
    ? createHmac('sha256', secretIdKey).update(canonicalJson({ kid, binding, value }))
    : createHash('sha256').update(canonicalJson({ kid, binding, known }));
  return { id: id.digest('hex'), value, provider, origins };
}

/** The spellings of a destination's host, the common one first: the scheme's own port may be there or not. */
export function hostsOf(destination: Destination): [string, ...string[]] {
  if (destination.startsWith('binding:')) return [destination];
  const { host, port, protocol } = new URL(destination);
  return port ? [host] : [host, `${host}:${protocol === 'https:' ? 443 : 80}`];
}

/** A shell would look for files that an asterisk means. */
function quoted(hosts: string): string {
  return hosts.includes('*') ? `'${hosts}'` : hosts;
}

/** By its own name, or by `*.suffix`, which is of the same port. */
function isReleased(host: string, released: readonly string[]): boolean {
  return released.some((pattern) => pattern === host || (pattern.startsWith('*.') && hostMatches(pattern, host)));
}

/** What is not a host is left out, so that nothing else reaches the command that a person is asked to run. */
function releasedHosts(annotation: string): string[] {
  return annotation
    .split(',')
    .map((host) => host.trim())
    .filter((host) => /^(?:binding:\w+|(?:(?:\*\.)?[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?)$/.test(host))
    .map((host) => (host.startsWith('binding:') ? host : host.toLowerCase()));
}

function missing(message: string): Found<never> {
  return { problem: { type: 'ResolvedRefs', reason: 'SecretNotFound', message } };
}
