import { describe, expect, test } from 'vitest';
import { compile } from '../../../sync-agent/compile/compile.ts';
import type { Resource } from '../../../sync-agent/snapshot.ts';
import { deniedSecret } from '../../support/service-builders.ts';
import { conditionOf, entriesOf, faultsOf } from '../../support/read-compilation.ts';
import { EDGE, edgeGateway, edgeKeys, model, provider, route, secret } from '../../support/resource-builders.ts';

const KEY = 'LLMProvider/team/provider';
type ProviderSpec = Parameters<typeof provider>[0];
type Allowed = NonNullable<NonNullable<Parameters<typeof edgeGateway>[0]>['allowed']>[number];

const compiled = (spec: ProviderSpec, allowed: Partial<Allowed> = {}, ...more: Resource[]) =>
  compile(
    [
      edgeGateway({ allowed: [{ name: 'all', namespaces: { type: 'All' }, ...allowed }] }),
      edgeKeys(),
      route(),
      model(),
      provider(spec),
      ...more,
    ],
    EDGE,
  );
const entry = (...args: Parameters<typeof compiled>) => entriesOf(compiled(...args), 'providers')['team/provider'];
const idOf = (...args: Parameters<typeof compiled>) => compiled(...args).secrets[0]?.id;
const granted = (hosts: string[]) => ({ workerSecrets: [{ name: 'OPENAI_KEY', hosts }] });
const bySecret: ProviderSpec = {
  auth: { type: 'APIKey', apiKey: { type: 'SecretRef', secretRef: { name: 'vendor', key: 'api-key' } } },
};
const vendorSecret = (hosts: string | undefined, value = 'sk-vendor') =>
  secret(
    { 'api-key': value },
    { name: 'vendor', annotations: hosts === undefined ? {} : { 'fairlead.dev/hosts': hosts } },
  );

test('a Secret of a megabyte is no credential: sealed it would fill a bucket, and stop all publishing', () => {
  const huge = compiled(bySecret, {}, vendorSecret('api.openai.com', 'x'.repeat(900_000)));
  expect(faultsOf(huge, KEY)).toEqual(['ResolvedRefs=False/SecretNotFound']);
  expect(conditionOf(huge, KEY, 'ResolvedRefs')?.message).toContain('holds more than 8192 characters');
  expect(huge.secrets).toEqual([]);
});

describe('where a provider may stand', () => {
  test('a public https address needs no permission', () => {
    expect(entry({ baseURL: 'https://api.example.com/v1/' })).toMatchObject({
      baseURL: 'https://api.example.com/v1',
      allow: { privateAddresses: false, plainText: false },
    });
  });

  test('http needs plainText', () => {
    const spec = { baseURL: 'http://api.example.com/v1' };
    expect(faultsOf(compiled(spec), KEY)).toEqual(['Accepted=False/NotAllowedByParent']);
    expect(entry(spec, { plainText: true })?.allow).toEqual({ privateAddresses: false, plainText: true });
  });

  test.each([
    'https://10.1.2.3/v1',
    'https://localhost:8443',
    'https://vllm.models.svc.cluster.local/v1',
    'https://[::ffff:127.0.0.1]/v1',
  ])('%s needs privateAddresses', (baseURL) => {
    expect(faultsOf(compiled({ baseURL }), KEY)).toEqual(['Accepted=False/NotAllowedByParent']);
    expect(entry({ baseURL }, { privateAddresses: true })?.allow).toEqual({ privateAddresses: true, plainText: false });
  });

  test('what another namespace is allowed does not help', () => {
    const allowed: Partial<Allowed> = { namespaces: { type: 'Names', names: ['team-b'] }, plainText: true };
    const compilation = compiled({ baseURL: 'http://api.example.com/v1' }, allowed);
    expect(conditionOf(compilation, KEY, 'Accepted')?.message).toContain(
      'does not allow the namespace team to use http in place of https, in its spec.allowed[].plainText',
    );
  });

  test('an address that no parser takes is left out, and stops nothing', () => {
    const compilation = compiled({ baseURL: 'https://1.2.3.4.5/v1' });
    expect(faultsOf(compilation, KEY)).toEqual(['Accepted=False/Invalid']);
    expect(compilation.target).toBeDefined();
  });

  test('a binding must be allowed by name; then it may lead to private and plain addresses', () => {
    const spec: ProviderSpec = {
      baseURL: 'http://10.0.0.1/v1',
      transport: { type: 'Binding', binding: 'VPC' },
      hostHeader: 'vllm.local',
    };
    expect(faultsOf(compiled(spec, { bindings: ['OTHER'] }), KEY)).toEqual(['Accepted=False/NotAllowedByParent']);
    expect(entry(spec, { bindings: ['VPC'] })).toMatchObject({ binding: 'VPC', hostHeader: 'vllm.local' });
  });
});

describe("a provider's secrets", () => {
  test('a secret that is released for the host is named in the table, and travels beside it', () => {
    const compilation = compiled(bySecret, {}, vendorSecret('other.example.com, API.example.com'));
    const [sealed] = compilation.secrets;
    expect(sealed).toEqual({
      id: expect.stringMatching(/^[0-9a-f]{64}$/),
      value: 'sk-vendor',
      provider: 'team/provider',
      origins: ['https://api.example.com'],
    });
    expect(entriesOf(compilation, 'providers')['team/provider']?.auth).toEqual({
      credential: { type: 'Sealed', id: sealed?.id },
    });
    expect(compilation.entries.get(KEY)).toEqual([
      { section: 'providers', id: 'team/provider' },
      { section: 'secrets', id: sealed?.id },
    ]);
  });

  test('without the annotation the provider is left out, and the condition gives the command', () => {
    const compilation = compiled(bySecret, {}, vendorSecret(undefined));
    expect(compilation.counts.providers).toBe(0);
    expect(conditionOf(compilation, KEY, 'ResolvedRefs')).toMatchObject({
      reason: 'SecretNotReleased',
      message:
        'Secret team/vendor is not released for api.example.com. If it is meant to be sent there, run: ' +
        'kubectl annotate secret -n team vendor fairlead.dev/hosts=api.example.com',
    });
  });

  test('what two uses of a Secret lack is said once', () => {
    const spec: ProviderSpec = {
      ...bySecret,
      headers: [{ name: 'x-key', type: 'SecretKeyRef', secretKeyRef: { name: 'vendor', key: 'api-key' } }],
    };
    const message = conditionOf(compiled(spec, {}, vendorSecret(undefined)), KEY, 'ResolvedRefs')?.message ?? '';
    expect(message.match(/is not released/g)).toHaveLength(1);
  });

  test('the command keeps the hosts that are there, and passes on nothing that is not a host', () => {
    const compilation = compiled(bySecret, {}, vendorSecret('other.example.com:8443,$(reboot),a b'));
    expect(conditionOf(compilation, KEY, 'ResolvedRefs')?.message).toContain(
      'fairlead.dev/hosts=other.example.com:8443,api.example.com --overwrite',
    );
  });

  test.each([
    ['https://api.example.com/v1', 'api.example.com:443', true],
    ['https://api.example.com:8443/v1', 'api.example.com', false],
    ['https://api.example.com:8443/v1', 'api.example.com:8443', true],
    ['https://api.example.com/v1', 'example.com', false],
    ['https://api.example.com/v1', '*.example.com', true],
    ['https://a.api.example.com/v1', '*.example.com', true],
    ['https://example.com/v1', '*.example.com', false],
    ['https://api.example.com:8443/v1', '*.example.com', false],
    ['https://api.example.com:8443/v1', '*.example.com:8443', true],
    ['https://api.example.com/v1', '*', false],
    ['https://api.example.com/v1', 'api.*.com', false],
    ['https://api.example.com.evil.example/v1', 'api.example.com', false],
  ])('sent to %s and released for %s: %s', (baseURL, hosts, released) => {
    const compilation = compiled({ ...bySecret, baseURL }, {}, vendorSecret(hosts));
    expect(compilation.counts.providers).toBe(released ? 1 : 0);
  });

  test('through a binding it goes to the binding, and must be released for that', () => {
    const spec: ProviderSpec = { ...bySecret, transport: { type: 'Binding', binding: 'VPC' } };
    const allowed = { bindings: ['VPC'] };
    expect(compiled(spec, allowed, vendorSecret('api.example.com')).counts.providers).toBe(0);
    expect(compiled(spec, allowed, vendorSecret('binding:VPC')).secrets[0]?.origins).toEqual(['binding:VPC']);
  });

  test('a Secret that the agent may not read is told from one that is not there, with what to run', () => {
    const compilation = compiled(bySecret, {}, deniedSecret('team', 'vendor'));
    expect(compilation.counts.providers).toBe(0);
    expect(conditionOf(compilation, KEY, 'ResolvedRefs')).toMatchObject({
      reason: 'SecretAccessDenied',
      message: 'The agent may not read Secret team/vendor. To let it, run: kubectl create role read-vendor',
    });
  });

  test('a Secret that was read before the agent lost the right stays in use', () => {
    const compilation = compiled(bySecret, {}, vendorSecret('api.example.com'), deniedSecret('team', 'vendor'));
    expect(compilation.counts.providers).toBe(1);
  });

  test('a Secret of another namespace is out of reach', () => {
    const far = secret(
      { 'api-key': 'x' },
      { name: 'vendor', namespace: 'other', annotations: { 'fairlead.dev/hosts': 'api.example.com' } },
    );
    expect(faultsOf(compiled(bySecret, {}, far), KEY)).toEqual(['ResolvedRefs=False/SecretNotFound']);
  });

  test.each([
    ['a line break at its end, which is dropped', 'sk-vendor\n', 'sk-vendor'],
    ['nothing', '', undefined],
    ['two lines', 'sk-\nvendor', undefined],
  ])('a Secret that holds %s', (_, value, sent) => {
    const compilation = compiled(bySecret, {}, vendorSecret('api.example.com', value));
    expect(compilation.secrets.map((one) => one.value)).toEqual(sent === undefined ? [] : [sent]);
    expect(faultsOf(compilation, KEY)).toEqual(sent === undefined ? ['ResolvedRefs=False/SecretNotFound'] : []);
  });

  test('equal secrets have equal ids; another value, provider, host or sealing key gives another id', () => {
    const id = idOf(bySecret, {}, vendorSecret('api.example.com'));
    expect(idOf(bySecret, {}, vendorSecret('api.example.com,other.example.com'))).toBe(id);
    expect(idOf(bySecret, {}, vendorSecret('api.example.com', 'sk-new'))).not.toBe(id);
    expect(idOf({ ...bySecret, baseURL: 'https://eu.example.com' }, {}, vendorSecret('eu.example.com'))).not.toBe(id);
    expect(idOf(bySecret, {}, vendorSecret('api.example.com'), edgeKeys({ 'secret-id-key': 'A'.repeat(43) }))).not.toBe(
      id,
    );
  });

  test('a header can carry a secret too', () => {
    const headers: NonNullable<ProviderSpec>['headers'] = [
      { name: 'cf-access-client-secret', type: 'SecretKeyRef', secretKeyRef: { name: 'vendor', key: 'api-key' } },
      { name: 'x-plain', type: 'Value', value: 'plain' },
    ];
    const compilation = compiled({ headers }, {}, vendorSecret('api.example.com'));
    expect(entriesOf(compilation, 'providers')['team/provider']?.headers).toEqual([
      { name: 'cf-access-client-secret', type: 'Sealed', id: compilation.secrets[0]?.id },
      { name: 'x-plain', type: 'Value', value: 'plain' },
    ]);
  });

  test('through a binding, a worker secret needs a grant for the host of the URL', () => {
    const spec: ProviderSpec = {
      auth: { type: 'APIKey', apiKey: { type: 'WorkerSecret', workerSecret: 'OPENAI_KEY' } },
      transport: { type: 'Binding', binding: 'VPC' },
    };
    const compilation = compiled(spec, { bindings: ['VPC'], ...granted(['api.example.com']) });
    expect(faultsOf(compilation, KEY)).toEqual([]);
  });

  test('a worker secret needs a grant that names the host', () => {
    const spec: ProviderSpec = {
      auth: { type: 'APIKey', apiKey: { type: 'WorkerSecret', workerSecret: 'OPENAI_KEY' } },
    };
    expect(faultsOf(compiled(spec), KEY)).toEqual(['Accepted=False/NotAllowedByParent']);
    expect(faultsOf(compiled(spec, granted(['other.example.com'])), KEY)).toEqual([
      'Accepted=False/NotAllowedByParent',
    ]);
    expect(entry(spec, granted(['api.example.com']))?.auth).toEqual({
      credential: { type: 'WorkerSecret', name: 'OPENAI_KEY' },
    });
  });
});
