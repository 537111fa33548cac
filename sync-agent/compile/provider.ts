import type { Credential, ProviderEntry } from '../../contract/routing-table.ts';
import type { ResourceOf } from '../snapshot.ts';
import { bindingAllowed, notAllowed, reachAllowed, workerSecretAllowed, type ReachRights } from './allowance.ts';
import type { Problem } from './compilation.ts';
import type { Rule } from './engine.ts';
import { seniorityOf, type Facts } from './facts.ts';
import { isPrivateHost } from '../../contract/private-host.ts';
import { hostsOf, type Found } from './secrets.ts';
import { timeoutsOf } from './timeouts.ts';
import { readHeader, readSecret, type Part, type SecretUse } from './upstream-headers.ts';

type Spec = ResourceOf<'LLMProvider'>['spec'];

/** Everything that the parts of one provider are judged by. */
interface Setting extends SecretUse {
  readonly rights: ReachRights;
  readonly url: URL;
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
      ...reachProblems(spec.transport, url, setting),
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
        allow: neededReach(spec.transport, url),
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
export function neededReach({ type }: Spec['transport'], url: URL): ProviderEntry['allow'] {
  const internet = type === 'Internet';
  return { privateAddresses: internet && isPrivateHost(url.hostname), plainText: internet && url.protocol === 'http:' };
}

/** What of the way to an upstream its namespace is not allowed. */
export function reachProblems(
  transport: Spec['transport'],
  url: URL,
  { rights, namespace }: { readonly rights: ReachRights; readonly namespace: string },
): Problem[] {
  const { privateAddresses, plainText } = neededReach(transport, url);
  const problems: Problem[] = [];
  if (privateAddresses && !reachAllowed(rights, 'privateAddresses'))
    problems.push(
      notAllowed(rights.edge, `the namespace ${namespace} the private address ${url.host}`, 'privateAddresses'),
    );
  if (plainText && !reachAllowed(rights, 'plainText'))
    problems.push(notAllowed(rights.edge, `the namespace ${namespace} to use http in place of https`, 'plainText'));
  if (transport.type === 'Binding' && !bindingAllowed(rights, transport.binding))
    problems.push(notAllowed(rights.edge, `the namespace ${namespace} the binding ${transport.binding}`, 'bindings'));
  return problems;
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
