import type { Credential, ProviderEntry } from '../../contract/routing-table.ts';
import type { ResourceId, ResourceOf } from '../snapshot.ts';
import { bindingAllowed, notAllowed, reachAllowed, workerSecretAllowed, type ReachRights } from './allowance.ts';
import type { Problem, SecretToSeal } from './compilation.ts';
import type { Rule, Step } from './engine.ts';
import { seniorityOf, type Facts, type Sealing } from './facts.ts';
import { isPrivateHost } from '../../contract/private-host.ts';
import { findReleasedSecret, hostsOf, nameSecret, type Destination, type Found, type SecretKeyRef } from './secrets.ts';
import { timeoutsOf } from './timeouts.ts';

type Spec = ResourceOf<'LLMProvider'>['spec'];

/** Everything that the parts of one provider are judged by. */
interface Setting {
  readonly id: ResourceId;
  readonly namespace: string;
  readonly rights: ReachRights;
  readonly sealing: Sealing;
  readonly url: URL;
  readonly destination: Destination;
  readonly step: Step;
  readonly facts: Facts;
}

/** Whether and how a provider can be reached. With anything against it, it is left out: never called without its key. */
export function providerRule(facts: Facts): Rule<ResourceOf<'LLMProvider'>> {
  return (id, [provider], step) => {
    if (!provider) return;
    const { spec, metadata } = provider;
    const { namespace } = metadata;
    const rights = step.first(facts.reachRights, namespace);
    const sealing = step.first(facts.sealing, '');
    if (!rights || !sealing) return;
    const url = URL.parse(spec.baseURL);
    if (!url) return step.emit(facts.problems, `LLMProvider/${id}`, NOT_A_URL);
    const destination = spec.transport.type === 'Binding' ? `binding:${spec.transport.binding}` : url.origin;
    const setting = { id, namespace, rights, sealing, url, destination, step, facts };

    const auth = readAuth(spec.auth, setting);
    const headers = spec.headers.map((header) => readHeader(header, setting));
    const problems = [
      ...reachProblems(spec, url, setting),
      ...[auth, ...headers].flatMap(({ problem }) => (problem ? [problem] : [])),
    ];
    for (const problem of problems) step.emit(facts.problems, `LLMProvider/${id}`, problem);
    if (problems.length > 0) return;

    const parts = headers.flatMap(({ value }) => (value ? [value] : []));
    step.emit(facts.usableProviders, id, {
      entry: {
        dialect: spec.dialect,
        baseURL: url.href.replace(/\/+$/, ''),
        auth: auth.value?.entry,
        headers: parts.map(({ entry }) => entry),
        hostHeader: spec.hostHeader,
        binding: spec.transport.type === 'Binding' ? spec.transport.binding : undefined,
        timeouts: timeoutsOf(spec.timeouts),
        allow: reachOf(spec, url),
      },
      created: seniorityOf(provider).created,
      secrets: [...(auth.value?.secrets ?? []), ...parts.flatMap(({ secrets }) => secrets)],
    });
  };
}

/** Its schema lets through what only a parser can refuse, such as a port above 65535. */
const NOT_A_URL: Problem = {
  type: 'Accepted',
  reason: 'Invalid',
  message: 'spec.baseURL is not a valid URL: mend it.',
};

/** What a provider asks beyond https to public addresses. A binding is a way of its own, which is allowed by name. */
function reachOf({ transport }: Spec, url: URL): ProviderEntry['allow'] {
  const internet = transport.type === 'Internet';
  return { privateAddresses: internet && isPrivateHost(url.hostname), plainText: internet && url.protocol === 'http:' };
}

function reachProblems(spec: Spec, url: URL, { rights, namespace }: Setting): Problem[] {
  const { privateAddresses, plainText } = reachOf(spec, url);
  const problems: Problem[] = [];
  if (privateAddresses && !reachAllowed(rights, 'privateAddresses'))
    problems.push(
      notAllowed(rights.edge, `the namespace ${namespace} the private address ${url.host}`, 'privateAddresses'),
    );
  if (plainText && !reachAllowed(rights, 'plainText'))
    problems.push(notAllowed(rights.edge, `the namespace ${namespace} to use http in place of https`, 'plainText'));
  if (spec.transport.type === 'Binding' && !bindingAllowed(rights, spec.transport.binding))
    problems.push(
      notAllowed(rights.edge, `the namespace ${namespace} the binding ${spec.transport.binding}`, 'bindings'),
    );
  return problems;
}

/** A part of the entry, and the secrets that it names. */
interface Part<T> {
  readonly entry: T;
  readonly secrets: readonly SecretToSeal[];
}

function readAuth(auth: Spec['auth'], setting: Setting): Found<Part<ProviderEntry['auth']>> {
  switch (auth.type) {
    case 'None':
      return { value: { entry: undefined, secrets: [] } };
    case 'APIKey': {
      const { header } = auth.apiKey;
      const found = readCredential(auth.apiKey, setting);
      return found.problem
        ? found
        : { value: { entry: { credential: found.value.entry, header }, secrets: found.value.secrets } };
    }
  }
}

type APIKey = Extract<Spec['auth'], { type: 'APIKey' }>['apiKey'];

function readCredential(apiKey: APIKey, setting: Setting): Found<Part<Credential>> {
  switch (apiKey.type) {
    case 'SecretRef': {
      const found = readSecret(apiKey.secretRef, setting);
      return found.problem
        ? found
        : { value: { entry: { type: 'Sealed', id: found.value.id }, secrets: [found.value] } };
    }
    case 'WorkerSecret': {
      const { rights, namespace, url } = setting;
      const name = apiKey.workerSecret;
      // A binding needs a grant of its own; the host is what the calls through it are for.
      const [host, ...spellings] = hostsOf(url.origin);
      if (workerSecretAllowed(rights, name, [host, ...spellings]))
        return { value: { entry: { type: 'WorkerSecret', name }, secrets: [] } };
      const what = `the namespace ${namespace} to send the worker secret ${name} to ${host}`;
      return { problem: notAllowed(rights.edge, what, 'workerSecrets') };
    }
  }
}

function readHeader(header: Spec['headers'][number], setting: Setting): Found<Part<ProviderEntry['headers'][number]>> {
  const { name } = header;
  switch (header.type) {
    case 'Value':
      return { value: { entry: { name, type: 'Value', value: header.value }, secrets: [] } };
    case 'SecretKeyRef': {
      const found = readSecret(header.secretKeyRef, setting);
      return found.problem
        ? found
        : { value: { entry: { name, type: 'Sealed', id: found.value.id }, secrets: [found.value] } };
    }
  }
}

function readSecret(ref: SecretKeyRef, setting: Setting): Found<SecretToSeal> {
  const { step, facts, namespace, destination, sealing, id } = setting;
  const found = findReleasedSecret(step, facts, namespace, ref, destination);
  return found.problem ? found : { value: nameSecret(sealing, id, destination, ref, found.value) };
}
