import { describe, expect, test } from 'vitest';
import type { Compilation } from '../../../sync-agent/compile/compilation.ts';
import { compile } from '../../../sync-agent/compile/compile.ts';
import { conditionOf, entriesOf, faultsOf } from '../../support/read-compilation.ts';
import { EDGE, edgeGateway, edgeKeys, model, route, secret } from '../../support/resource-builders.ts';
import { compileSeen, deniedSecret, inferenceService } from '../../support/service-builders.ts';

const KEY = 'AIModel/team/model';
type Access = NonNullable<NonNullable<Parameters<typeof edgeGateway>[0]>['clusterAccess']>;

const TUNNEL: Access = {
  baseURL: 'https://{name}-{namespace}.gpu.example.com',
  headers: [
    { name: 'cf-access-client-id', type: 'SecretKeyRef', secretKeyRef: { name: 'access', key: 'id' } },
    { name: 'cf-access-client-secret', type: 'SecretKeyRef', secretKeyRef: { name: 'access', key: 'secret' } },
  ],
};
const token = (hosts = '*.gpu.example.com') =>
  secret(
    { id: 'token-id', secret: 'token-secret' },
    { namespace: 'infra', name: 'access', annotations: { 'fairlead.dev/hosts': hosts } },
  );
const led = (clusterAccess: Access, namespace = 'team', name = 'llama') => [
  edgeGateway({ allowed: [{ name: 'all', namespaces: { type: 'All' } }], clusterAccess }),
  edgeKeys(),
  ...ledIn(namespace, name),
];
const ledIn = (namespace: string, name = 'llama') => [
  route({ pathPrefix: `/${namespace}` }, { namespace }),
  model(
    { modelName: 'llama', backends: [{ name: 'gpus', type: 'InferenceService', inferenceServiceRef: { name } }] },
    { namespace },
  ),
];
const onlyEntry = (compilation: Compilation) => Object.values(entriesOf(compilation, 'providers'))[0];

describe('access to the inference services of a cluster', () => {
  test('gives each its URL, and sets the headers of a service token, sealed for each service', () => {
    const compilation = compileSeen([
      ...led(TUNNEL),
      token(),
      inferenceService({ origin: 'http://llama.team.example' }),
    ]);
    const [id] = Object.keys(entriesOf(compilation, 'providers'));
    expect(onlyEntry(compilation)).toMatchObject({
      baseURL: 'https://llama-team.gpu.example.com/openai/v1',
      headers: [
        { name: 'cf-access-client-id', type: 'Sealed' },
        { name: 'cf-access-client-secret', type: 'Sealed' },
      ],
    });
    expect(compilation.secrets.map(({ value }) => value).toSorted()).toEqual(['token-id', 'token-secret']);
    for (const { provider, origins } of compilation.secrets) {
      expect(provider).toBe(id);
      expect(origins).toEqual(['https://llama-team.gpu.example.com']);
    }
  });

  test.each<[string, Access, string]>([
    [
      'a path, to which that of the service is added',
      { baseURL: 'https://gw.example.com/{namespace}/{name}' },
      'https://gw.example.com/team/llama/openai/v1',
    ],
    [
      'a port',
      { baseURL: 'https://{name}.{namespace}.gpu.example.com:8443' },
      'https://llama.team.gpu.example.com:8443/openai/v1',
    ],
  ])('its URL may have %s', (_, access, baseURL) => {
    expect(onlyEntry(compileSeen([...led(access), inferenceService()]))?.baseURL).toBe(baseURL);
  });

  test('a path that the service gives already is not said twice', () => {
    const service = inferenceService({ kind: 'InferenceService', paths: ['/team/llama/v1'] });
    const compilation = compile([...led({ baseURL: 'https://gw.example.com/{namespace}/{name}' }), service], EDGE);
    expect([...compilation.sightings.values()][0]?.paths).toEqual(['/v1']);
  });

  test('goes through a binding without further leave, with the host that the service gives', () => {
    const access: Access = { transport: { type: 'Binding', binding: 'GPU_VPC' }, hostHeader: '{host}' };
    const service = inferenceService({ origin: 'http://llama.team.svc.cluster.local:8080' });
    expect(onlyEntry(compileSeen([...led(access), service]))).toMatchObject({
      baseURL: 'http://llama.team.svc.cluster.local:8080/openai/v1',
      binding: 'GPU_VPC',
      hostHeader: 'llama.team.svc.cluster.local:8080',
      allow: { privateAddresses: false, plainText: false },
    });
  });

  test('a private URL that the owner of the EdgeGateway writes needs no leave; one that a service gives does', () => {
    const service = inferenceService({ origin: 'http://llama.team.svc.cluster.local' });
    const written = compileSeen([...led({ baseURL: 'http://{name}.{namespace}.gpu.internal' }), service]);
    expect(onlyEntry(written)?.allow).toEqual({ privateAddresses: true, plainText: true });
    expect(faultsOf(compile([...led({}), service], EDGE), KEY)).toEqual(['Accepted=False/NotAllowedByParent']);
  });

  test('an InferencePool is reached by it too', () => {
    const pool = inferenceService({ kind: 'InferencePool', origin: undefined, paths: ['/v1'] });
    const compilation = compileSeen([
      ...led({ baseURL: TUNNEL.baseURL }),
      model({
        modelName: 'llama',
        backends: [
          {
            name: 'pool',
            type: 'InferenceService',
            inferenceServiceRef: { group: 'inference.networking.k8s.io', kind: 'InferencePool', name: 'llama' },
          },
        ],
      }),
      pool,
    ]);
    expect(onlyEntry(compilation)?.baseURL).toBe('https://llama-team.gpu.example.com/openai/v1');
  });

  test('a token goes to no host that it is not released for, and the condition gives the command', () => {
    const compilation = compile([...led(TUNNEL), token('*.other.example.com'), inferenceService()], EDGE);
    expect(compilation.sightings.size).toBe(0);
    expect(conditionOf(compilation, KEY, 'ResolvedRefs')).toMatchObject({
      reason: 'SecretNotReleased',
      message: expect.stringContaining(
        "kubectl annotate secret -n infra access fairlead.dev/hosts='*.other.example.com,llama-team.gpu.example.com' --overwrite",
      ),
    });
  });

  test('a token that is not there is said of the EdgeGateway, and keeps nothing else back', () => {
    const compilation = compile([...led(TUNNEL), inferenceService()], EDGE);
    expect(faultsOf(compilation, 'EdgeGateway/infra/edge')).toEqual(['ResolvedRefs=False/SecretNotFound']);
    expect(faultsOf(compilation, KEY)).toEqual(['ResolvedRefs=False/SecretNotFound']);
    expect(compilation.target).toBeDefined();
  });

  test('a token that the agent may not read is said with the command that lets it', () => {
    const compilation = compile([...led(TUNNEL), deniedSecret('infra', 'access'), inferenceService()], EDGE);
    for (const key of [KEY, 'EdgeGateway/infra/edge'])
      expect(conditionOf(compilation, key, 'ResolvedRefs')).toMatchObject({
        reason: 'SecretAccessDenied',
        message: expect.stringMatching(
          /^The agent may not read Secret infra\/access\. To let it, run: kubectl create role read-access(?!.*To let it)/,
        ),
      });
  });
});

describe('a tenant reaches nothing of another by the name of a service', () => {
  // a-b of c, and a of b-c: both are a-b-c.
  const mine = inferenceService({}, { name: 'a-b', namespace: 'c', day: 1 });
  const theirs = inferenceService({}, { name: 'a', namespace: 'b-c', day: 2 });
  const both = [...led({ baseURL: TUNNEL.baseURL }, 'c', 'a-b'), ...ledIn('b-c', 'a')];

  test('of two services that have one URL, the older is reached', () => {
    const compilation = compileSeen([...both, mine, theirs]);
    const [entry, ...others] = Object.entries(entriesOf(compilation, 'providers'));
    expect(entry?.[0]).toMatch(/^c\/a-b\.\./);
    expect(others).toEqual([]);
    expect(conditionOf(compilation, 'AIModel/b-c/model', 'Accepted')).toMatchObject({
      reason: 'Conflicted',
      message:
        'By spec.clusterAccess of the EdgeGateway InferenceService b-c/a would be reached at the address of c/a-b, which is older: give it another name, or its backend a connectionRef.',
    });
  });

  test('a host that a service says it has stays with who had it first, where it chooses the way', () => {
    const access: Access = {
      transport: { type: 'Binding', binding: 'VPC' },
      baseURL: 'http://ingress.internal',
      hostHeader: '{host}',
    };
    const victim = inferenceService({ origin: 'http://victim.example' }, { name: 'a-b', namespace: 'c', day: 1 });
    const thief = inferenceService({ origin: 'http://victim.example' }, { name: 'a', namespace: 'b-c', day: 2 });
    const compilation = compileSeen([...led(access, 'c', 'a-b'), ...ledIn('b-c', 'a'), victim, thief]);
    expect(Object.keys(entriesOf(compilation, 'providers'))).toEqual([expect.stringMatching(/^c\/a-b\.\./)]);
    expect(faultsOf(compilation, 'AIModel/b-c/model')).toEqual(['Accepted=False/Conflicted']);
  });

  test('a name with dots chooses no host', () => {
    const service = inferenceService({}, { name: 'evil.example' });
    const compilation = compile([...led({ baseURL: 'https://gpu-{name}' }, 'team', 'evil.example'), service], EDGE);
    expect(compilation.sightings.size).toBe(0);
    expect(faultsOf(compilation, KEY)).toEqual(['ResolvedRefs=False/BackendNotFound']);
  });

  test('services of one namespace may share an address', () => {
    const services = ['a', 'b'].map((name) => inferenceService({}, { name, namespace: 'c' }));
    const compilation = compileSeen([...led({ baseURL: 'https://gw.example.com' }, 'c', 'b'), ...services]);
    expect(onlyEntry(compilation)?.baseURL).toBe('https://gw.example.com/openai/v1');
  });
});
