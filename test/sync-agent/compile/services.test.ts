import { describe, expect, test } from 'vitest';
import { parseResource } from '../../../crds/parse-resource.ts';
import { compile, createCompiler } from '../../../sync-agent/compile/compile.ts';
import type { Compilation } from '../../../sync-agent/compile/compilation.ts';
import type { Resource } from '../../../sync-agent/snapshot.ts';
import { conditionOf, entriesOf, faultsOf } from '../../support/read-compilation.ts';
import {
  EDGE,
  backend,
  edgeGateway,
  edgeKeys,
  grant,
  model,
  provider,
  route,
  secret,
} from '../../support/resource-builders.ts';
import {
  SEEN,
  clusterNamespace,
  compileSeen,
  inferenceService,
  sighting,
  sightingsOf,
} from '../../support/service-builders.ts';

const KEY = 'AIModel/team/model';
type Backends = NonNullable<NonNullable<Parameters<typeof model>[0]>['backends']>;
type Allowed = NonNullable<NonNullable<Parameters<typeof edgeGateway>[0]>['allowed']>[number];

const gpus: Backends[number] = { name: 'gpus', type: 'InferenceService', inferenceServiceRef: { name: 'llama' } };
const edge = (allowed: Partial<Allowed> = {}) => [
  edgeGateway({ allowed: [{ name: 'all', namespaces: { type: 'All' }, ...allowed }] }),
  edgeKeys(),
];
const led = (...backends: Backends) => [
  ...edge(),
  route(),
  model({ modelName: 'llama', backends: backends.length > 0 ? backends : [gpus] }),
];
const backendsOf = (compilation: Compilation) => entriesOf(compilation, 'models')['team/model']?.backends;
const onlyProvider = (compilation: Compilation) => Object.entries(entriesOf(compilation, 'providers'))[0];
const idOf = (compilation: Compilation) => [...compilation.sightings.keys()][0] ?? '';
const wanted = (compilation: Compilation) => compilation.sightings.get(idOf(compilation))!;

describe('an inference service as the backend of a model', () => {
  test('is called at its own address, by the path and the name that the edge has seen', () => {
    const compilation = compileSeen([...led(), inferenceService()]);
    const [id, entry] = onlyProvider(compilation)!;
    expect(id).toMatch(/^team\/llama\.\.inferenceservice-[0-9a-f]{16}$/);
    expect(entry).toEqual({
      dialect: 'OpenAI',
      baseURL: 'https://llama-team.example.com/openai/v1',
      headers: [],
      timeouts: {},
      allow: { privateAddresses: false, plainText: false },
    });
    expect(backendsOf(compilation)).toEqual([{ name: 'gpus', provider: id, model: 'llama', weight: 1, priority: 0 }]);
    expect(faultsOf(compilation, KEY)).toEqual([]);
  });

  test('its provider belongs to the model, and counts as none of those that people write', () => {
    const compilation = compileSeen([...led(), inferenceService()]);
    const [id] = onlyProvider(compilation)!;
    expect(compilation.entries.get(KEY)).toEqual([
      { section: 'models', id: 'team/model' },
      { section: 'providers', id },
    ]);
    expect(compilation.counts).toEqual({ routes: 1, models: 1, providers: 0, consumers: 0 });
  });

  test('before the edge has looked at it, the model ships without it, and the condition says so', () => {
    const compilation = compile([...led(), inferenceService()], EDGE);
    expect(wanted(compilation)).toMatchObject({
      entry: { baseURL: 'https://llama-team.example.com' },
      secrets: [],
      paths: ['/openai/v1', '/v1'],
    });
    expect(backendsOf(compilation)).toEqual([]);
    expect(conditionOf(compilation, KEY, 'ResolvedRefs')).toMatchObject({
      reason: 'BackendPending',
      message:
        'InferenceService team/llama is ready, and the edge has not looked yet whether it answers at https://llama-team.example.com: it does so once a route leads to it.',
    });
  });

  test('nobody asks the edge about a service that no route leads to', () => {
    const [gateway, keys, , ...rest] = led();
    expect(compile([gateway!, keys!, ...rest, inferenceService()], EDGE).sightings.size).toBe(0);
  });

  test.each([
    ['Pending', 'has not been ready yet'],
    ['Unavailable', 'has no ready endpoint'],
    ['Stopped', 'was stopped by its owner'],
    ['Failed', 'has failed'],
  ] as const)(
    'one that is %s is not called, whatever the edge saw, and the condition says what to look at',
    (phase, why) => {
      const resources = led(gpus, backend('provider'));
      const seen = sightingsOf(compile([...resources, inferenceService()], EDGE));
      const state = { phase, message: 'CUDA out of memory.' };
      const compilation = compile([...resources, provider(), inferenceService({ state }), ...seen], EDGE);
      expect(backendsOf(compilation)?.map(({ name }) => name)).toEqual(['provider']);
      expect(conditionOf(compilation, KEY, 'ResolvedRefs')).toMatchObject({
        status: 'False',
        reason: 'BackendNotReady',
        message: `InferenceService team/llama ${why}, so that nothing is sent to it. It says: CUDA out of memory. See: kubectl describe inferenceservices -n team llama`,
      });
    },
  );

  test('a model whose only service is not ready ships without a backend: callers are told to come back', () => {
    const compilation = compile([...led(), inferenceService({ phase: 'Unavailable' })], EDGE);
    expect(backendsOf(compilation)).toEqual([]);
    expect(compilation.counts).toMatchObject({ routes: 1, models: 1, providers: 0 });
    expect(compilation.sightings.size).toBe(0);
  });

  test('one that was seen and is ready again is called at once', () => {
    const compiler = createCompiler(EDGE);
    const set = (...resources: Resource[]) => {
      compiler.apply(resources.map((resource) => ({ type: 'Set', resource })));
      return compiler.compile();
    };
    const [first] = sightingsOf(set(...led(), inferenceService()));
    const away = set(first!, inferenceService({ phase: 'Unavailable' }));
    expect(wanted(away).digest).toBe(first!.digest);
    expect(backendsOf(set(inferenceService()))).toHaveLength(1);
  });

  test('one that the edge does not reach is told from one that is not ready', () => {
    const compilation = compileSeen([...led(), inferenceService()], { type: 'NotSeen', sentence: 'it answered 403.' });
    expect(backendsOf(compilation)).toEqual([]);
    expect(conditionOf(compilation, KEY, 'ResolvedRefs')).toMatchObject({
      reason: 'BackendUnreachable',
      message:
        'InferenceService team/llama is ready, but the edge does not reach it at https://llama-team.example.com: it answered 403. A connectionRef of the backend, or spec.clusterAccess of the EdgeGateway, says how it is reached.',
    });
    expect(compilation.sightings.size).toBe(1);
  });

  test('where the edge could not be asked, what the specification says counts', () => {
    const compilation = compileSeen([...led(), inferenceService()], { type: 'Unasked' });
    expect(onlyProvider(compilation)?.[1].baseURL).toBe('https://llama-team.example.com/openai/v1');
    expect(backendsOf(compilation)).toMatchObject([{ model: 'llama' }]);
  });

  test('one that is scaled to zero is called, and never looked at', () => {
    const compilation = compile([...led(), inferenceService({ phase: 'ScaledToZero' })], EDGE);
    expect(compilation.sightings.size).toBe(0);
    expect(faultsOf(compilation, KEY)).toEqual([]);
    expect(onlyProvider(compilation)?.[1].baseURL).toBe('https://llama-team.example.com/openai/v1');
  });

  test('one that was seen before it was scaled to zero keeps the path and the names that were seen', () => {
    const before = compile([...led(), inferenceService()], EDGE);
    const seen = sightingsOf(before, { type: 'Seen', path: '/v1', models: ['llama-3'] });
    const zero = inferenceService({ phase: 'ScaledToZero' }, { generation: 2 });
    const compilation = compile([...led(), zero, ...seen], EDGE);
    expect(onlyProvider(compilation)?.[1].baseURL).toBe('https://llama-team.example.com/v1');
    expect(backendsOf(compilation)).toMatchObject([{ model: 'llama-3' }]);
    expect(wanted(compilation)).toMatchObject({ digest: seen[0]!.digest, isOnlyKept: true });
  });

  test('pods of another revision are looked at once more, for they come a while after the specification changed', () => {
    const seen = sightingsOf(compile([...led(), inferenceService({ revisions: ['llama-1'] })], EDGE));
    const compilation = compile([...led(), inferenceService({ revisions: ['llama-1', 'llama-2'] }), ...seen], EDGE);
    expect(wanted(compilation).digest).not.toBe(seen[0]!.digest);
    expect(backendsOf(compilation)).toHaveLength(1);
  });

  test('a changed specification is looked at once more, and until then what was seen stays in use', () => {
    const seen = sightingsOf(compile([...led(), inferenceService()], EDGE));
    const compilation = compile([...led(), inferenceService({}, { generation: 2 }), ...seen], EDGE);
    expect(wanted(compilation).digest).not.toBe(seen[0]!.digest);
    expect(backendsOf(compilation)).toHaveLength(1);
    expect(faultsOf(compilation, KEY)).toEqual([]);
  });

  test('that it was not reached before its specification changed says nothing of it now', () => {
    const failure = { type: 'NotSeen', sentence: 'it answered 404' } as const;
    const seen = sightingsOf(compile([...led(), inferenceService()], EDGE), failure);
    const compilation = compile([...led(), inferenceService({}, { generation: 2 }), ...seen], EDGE);
    expect(faultsOf(compilation, KEY)).toEqual(['ResolvedRefs=False/BackendPending']);
  });

  test('the edge is not asked for what it could not be asked, while the service is not ready', () => {
    const [unasked] = sightingsOf(compile([...led(), inferenceService()], EDGE), { type: 'Unasked' });
    const compilation = compile([...led(), inferenceService({ phase: 'Unavailable' }), unasked!], EDGE);
    expect(compilation.sightings.size).toBe(0);
  });

  test('an address that may not be used is said of it first, for that does not pass when it is ready', () => {
    const origin = 'http://llama-team.example.com';
    const compilation = compile([...led(), inferenceService({ origin, phase: 'Unavailable' })], EDGE);
    expect(faultsOf(compilation, KEY)).toEqual(['Accepted=False/NotAllowedByParent']);
  });

  test.each([
    ['another address', inferenceService({ origin: 'https://other.example.com' })],
    ['another service of the same name', inferenceService({}, { uid: 'another' })],
  ])('what was seen says nothing of %s', (_, changed) => {
    const seen = sightingsOf(compile([...led(), inferenceService()], EDGE));
    const compilation = compile([...led(), changed, ...seen], EDGE);
    expect(backendsOf(compilation)).toEqual([]);
    expect(faultsOf(compilation, KEY)).toEqual(['ResolvedRefs=False/BackendPending']);
  });

  test('replicas that come and go change no byte of the table, only what is told of the service', () => {
    const compilation = (ready: number) =>
      compileSeen([...led(), inferenceService({ replicas: { ready, desired: 3 } })]);
    expect(compilation(1).sections).toEqual(compilation(3).sections);
    expect(compilation(1).sightings).toEqual(compilation(3).sightings);
    expect(compilation(1).services.get(KEY)).toEqual([
      {
        service: 'InferenceService/team/llama',
        provider: idOf(compilation(1)),
        state: { phase: 'Ready', message: '' },
        replicas: { ready: 1, desired: 3 },
        accelerator: { kind: 'nvidia.com/gpu', count: 1 },
        url: 'https://llama-team.example.com/openai/v1',
      },
    ]);
  });

  test('one that does not exist leaves a model without backends, for it may come back, and says why a folder cannot know it', () => {
    const compilation = compile(led(), EDGE);
    expect(compilation.counts.models).toBe(1);
    expect(compilation.counts.providers).toBe(0);
    expect(conditionOf(compilation, KEY, 'ResolvedRefs')).toMatchObject({
      reason: 'BackendNotFound',
      message:
        'InferenceService team/llama does not exist. Resources of a folder know nothing of the inference services of a cluster.',
    });
    const inCluster = compile([...led(), clusterNamespace('team')], EDGE);
    expect(conditionOf(inCluster, KEY, 'ResolvedRefs')?.message).toBe('InferenceService team/llama does not exist.');
  });

  test('one of another kind is another service', () => {
    const compilation = compile([...led(), inferenceService({ kind: 'LLMInferenceService' })], EDGE);
    expect(faultsOf(compilation, KEY)).toEqual(['ResolvedRefs=False/BackendNotFound']);
  });

  test('an InferencePool, which has no address, needs somebody to give it one', () => {
    const pool: Backends[number] = {
      name: 'pool',
      type: 'InferenceService',
      inferenceServiceRef: { group: 'inference.networking.k8s.io', kind: 'InferencePool', name: 'llama' },
    };
    const service = inferenceService({ kind: 'InferencePool', origin: undefined, modelNames: [], paths: ['/v1'] });
    const without = compile([...led(pool), service], EDGE);
    expect(conditionOf(without, KEY, 'ResolvedRefs')).toMatchObject({
      reason: 'BackendNotFound',
      message:
        'InferencePool team/llama gives no URL of its own: say how the edge reaches it by a connectionRef of the backend, or by spec.clusterAccess of the EdgeGateway.',
    });
    const withOne = led({ ...pool, connectionRef: { name: 'provider' } });
    const compilation = compileSeen([...withOne, service, provider({ baseURL: 'https://pool.example.com' })]);
    expect(onlyProvider(compilation)?.[1].baseURL).toBe('https://pool.example.com/openai/v1');
    expect(wanted(compilation).paths).toEqual(['/v1']);
  });
});

describe('by what name a service is asked for its model', () => {
  const asked = (models: string[], more: Partial<Backends[number]> = {}, type: 'Seen' | 'Unasked' = 'Seen') =>
    compileSeen(
      [...led({ ...gpus, ...more }), inferenceService({ modelNames: models })],
      type === 'Seen' ? { type, path: '/v1', models } : { type },
    );

  test.each([
    ['the one that the backend says, also where the edge saw others', ['a', 'b'], { model: 'c' }, 'c'],
    ['that of the model, where the edge saw it', ['a', 'llama'], {}, 'llama'],
    ['the only one that the edge saw', ['meta/llama-4'], {}, 'meta/llama-4'],
  ])('%s', (_, models, more, expected) => {
    expect(backendsOf(asked(models, more))).toMatchObject([{ model: expected }]);
  });

  test('of several that are called otherwise none is chosen, and the condition lists them', () => {
    const compilation = asked(['meta/llama-4', 'lora-sql']);
    expect(backendsOf(compilation)).toEqual([]);
    expect(conditionOf(compilation, KEY, 'ResolvedRefs')).toMatchObject({
      reason: 'BackendUnreachable',
      message:
        "The edge sees the models meta/llama-4, lora-sql at InferenceService team/llama, and none is called llama: say by the backend's field model which one is meant.",
    });
  });

  test('where the edge sees no models at all, it is not called', () => {
    expect(faultsOf(asked([]), KEY)).toEqual(['ResolvedRefs=False/BackendUnreachable']);
  });

  test('where nothing is known and the edge could not be asked, it is the one of the model', () => {
    expect(backendsOf(asked([], {}, 'Unasked'))).toMatchObject([{ model: 'llama' }]);
  });
});

describe('who may lead to a service', () => {
  const far: Backends[number] = {
    name: 'gpus',
    type: 'InferenceService',
    inferenceServiceRef: { name: 'llama', namespace: 'gpus' },
  };
  const service = inferenceService({}, { namespace: 'gpus' });

  test('one of another namespace needs a ReferenceGrant there, to the group of the service', () => {
    const without = compile([...led(far), service], EDGE);
    expect(conditionOf(without, KEY, 'ResolvedRefs')).toMatchObject({
      reason: 'RefNotPermitted',
      message: expect.stringContaining('to group serving.kserve.io, kind InferenceService.'),
    });
    expect(without.sightings.size).toBe(0);
    const allowed = grant(['AIModel', 'team'], ['InferenceService', 'llama'], { namespace: 'gpus' });
    expect(backendsOf(compileSeen([...led(far), service, allowed]))).toHaveLength(1);
  });

  test('a grant to a kind of the same name in our own group permits nothing', () => {
    const allowed = parseResource({
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'ReferenceGrant',
      metadata: { name: 'grant', namespace: 'gpus' },
      spec: {
        from: [{ group: 'fairlead.dev', kind: 'AIModel', namespace: 'team' }],
        to: [{ group: 'fairlead.dev', kind: 'InferenceService' }],
      },
    });
    const granted = allowed.outcome === 'resource' ? [allowed.resource] : [];
    expect(granted).toHaveLength(1);
    expect(faultsOf(compile([...led(far), service, ...granted], EDGE), KEY)).toEqual([
      'ResolvedRefs=False/RefNotPermitted',
    ]);
  });

  test.each([
    ['http://llama-gpus.example.com', { plainText: true }, 'to use http in place of https'],
    [
      'https://llama.gpus.svc.cluster.local',
      { privateAddresses: true },
      'the private address llama.gpus.svc.cluster.local',
    ],
  ])('an address of its own such as %s is judged by the rights of its own namespace', (origin, right, message) => {
    const own = inferenceService({ origin }, { namespace: 'gpus' });
    const allowed = grant(['AIModel', 'team'], ['InferenceService'], { namespace: 'gpus' });
    const rest = [edgeKeys(), route(), model({ modelName: 'llama', backends: [far] }), own, allowed];
    const entry = (name: string) => ({ name, namespaces: { type: 'Names' as const, names: [name] } });
    const gateway = (more: Record<string, object>) =>
      edgeGateway({
        allowed: [
          { ...entry('team'), ...more['team'] },
          { ...entry('gpus'), ...more['gpus'] },
        ],
      });

    const refused = compile([gateway({ team: right }), ...rest], EDGE);
    expect(conditionOf(refused, KEY, 'Accepted')).toMatchObject({
      reason: 'NotAllowedByParent',
      message: expect.stringContaining(`does not allow the namespace gpus ${message}`),
    });
    expect(refused.sightings.size).toBe(0);
    expect(backendsOf(compileSeen([gateway({ gpus: right }), ...rest]))).toHaveLength(1);
  });
});

describe('an inference service by a connection', () => {
  const connected = led({ ...gpus, connectionRef: { name: 'tunnel' } });
  const tunnel = (spec: Parameters<typeof provider>[0] = {}, namespace = 'team') =>
    provider(
      {
        baseURL: 'https://tunnel.example.com',
        auth: { type: 'APIKey', apiKey: { type: 'SecretRef', secretRef: { name: 'tunnel', key: 'key' } } },
        headers: [
          { name: 'cf-access-client-secret', type: 'SecretKeyRef', secretKeyRef: { name: 'tunnel', key: 'access' } },
        ],
        timeouts: { firstByte: '1m' },
        ...spec,
      },
      { name: 'tunnel', namespace },
    );
  const keys = (namespace = 'team') =>
    secret(
      { key: 'sk-tunnel', access: 'sk-access' },
      { name: 'tunnel', namespace, annotations: { 'fairlead.dev/hosts': 'tunnel.example.com' } },
    );

  test('is called as the LLMProvider says, with its secrets sealed for this service', () => {
    const compilation = compileSeen([...connected, tunnel(), keys(), inferenceService()]);
    const [id, entry] = onlyProvider(compilation)!;
    expect(entry).toMatchObject({
      baseURL: 'https://tunnel.example.com/openai/v1',
      timeouts: { firstByte: 60_000 },
      auth: { credential: { type: 'Sealed' } },
      headers: [{ name: 'cf-access-client-secret', type: 'Sealed' }],
    });
    expect(compilation.secrets.map(({ value }) => value).toSorted()).toEqual(['sk-access', 'sk-tunnel']);
    for (const { provider: of, origins } of compilation.secrets) {
      expect(of).toBe(id);
      expect(origins).toEqual(['https://tunnel.example.com']);
    }
    const named = [entry.auth?.credential, ...entry.headers].flatMap((part) => (part && 'id' in part ? [part.id] : []));
    expect(named.toSorted()).toEqual(compilation.secrets.map((one) => one.id).toSorted());
    expect(
      wanted(compilation)
        .secrets.map((one) => one.id)
        .toSorted(),
    ).toEqual(named.toSorted());
  });

  test('the LLMProvider ships as what was compiled from it', () => {
    const compilation = compileSeen([...connected, tunnel(), keys(), inferenceService()]);
    expect(compilation.entries.get('LLMProvider/team/tunnel')?.[0]).toEqual({
      section: 'providers',
      id: idOf(compilation),
    });
    expect(compilation.counts.providers).toBe(1);
  });

  test('a baseURL with a path is complete', () => {
    const compilation = compileSeen(
      [...connected, tunnel({ baseURL: 'https://tunnel.example.com/llama/v1' }), keys(), inferenceService()],
      { type: 'Seen', path: '', models: ['llama'] },
    );
    expect(wanted(compilation).paths).toEqual(['']);
    expect(onlyProvider(compilation)?.[1].baseURL).toBe('https://tunnel.example.com/llama/v1');
  });

  test('a rotated key is looked at once more, under the same id', () => {
    const before = compile([...connected, tunnel(), keys(), inferenceService()], EDGE);
    const rotated = secret(
      { key: 'sk-new', access: 'sk-access' },
      { name: 'tunnel', annotations: { 'fairlead.dev/hosts': 'tunnel.example.com' } },
    );
    const after = compile([...connected, tunnel(), rotated, inferenceService(), ...sightingsOf(before)], EDGE);
    expect(idOf(after)).toBe(idOf(before));
    expect(wanted(after).digest).not.toBe(wanted(before).digest);
    expect(backendsOf(after)).toHaveLength(1);
  });

  test('an LLMProvider that cannot be used is said of the model', () => {
    const compilation = compile([...connected, tunnel(), inferenceService()], EDGE);
    expect(conditionOf(compilation, KEY, 'ResolvedRefs')).toMatchObject({
      reason: 'BackendNotFound',
      message:
        'LLMProvider team/tunnel, by which InferenceService team/llama is to be reached, cannot be used: see its conditions.',
    });
    expect(faultsOf(compilation, 'LLMProvider/team/tunnel')).toEqual(['ResolvedRefs=False/SecretNotFound']);
  });

  test('an LLMProvider of another namespace needs a ReferenceGrant there', () => {
    const far = led({ ...gpus, connectionRef: { name: 'tunnel', namespace: 'shared' } });
    const resources = [...far, tunnel({}, 'shared'), keys('shared'), inferenceService()];
    expect(faultsOf(compile(resources, EDGE), KEY)).toEqual(['ResolvedRefs=False/RefNotPermitted']);
    const allowed = grant(['AIModel', 'team'], ['LLMProvider'], { namespace: 'shared' });
    expect(backendsOf(compileSeen([...resources, allowed]))).toHaveLength(1);
  });

  test('two models that reach one service by different connections share no provider', () => {
    const second = model(
      { modelName: 'other', backends: [{ ...gpus, connectionRef: { name: 'tunnel' } }] },
      { name: 'second' },
    );
    const both = route({ models: [{ name: 'model' }, { name: 'second' }] });
    const compilation = compileSeen([...led(), both, second, tunnel(), keys(), inferenceService()]);
    expect(
      Object.values(entriesOf(compilation, 'providers'))
        .map(({ baseURL }) => baseURL)
        .toSorted(),
    ).toEqual(['https://llama-team.example.com/openai/v1', 'https://tunnel.example.com/openai/v1']);
  });
});

describe('a selector', () => {
  const selecting: Backends[number] = {
    name: 'gpus',
    type: 'Selector',
    selector: { matchLabels: { model: 'llama' } },
    weight: 2,
    priority: 1,
  };
  const labels = { model: 'llama', gpu: 'h100' };
  const services = [
    inferenceService({}, { name: 'b', labels }),
    inferenceService({}, { name: 'a', labels }),
    inferenceService({}, { name: 'c', labels: { model: 'other' } }),
    inferenceService({}, { name: 'd', labels, namespace: 'other' }),
    inferenceService({ kind: 'InferencePool' }, { name: 'e', labels }),
  ];

  test('makes a backend of each service of the namespace that has the labels, named after it', () => {
    const compilation = compileSeen([...led(selecting), ...services]);
    expect(backendsOf(compilation)).toMatchObject([
      { name: 'a', weight: 2, priority: 1 },
      { name: 'b', weight: 2, priority: 1 },
    ]);
    expect(compilation.services.get(KEY)?.map(({ service }) => service)).toEqual([
      'InferenceService/team/a',
      'InferenceService/team/b',
    ]);
  });

  test('only those ship that can be called', () => {
    const [b, , ...rest] = services;
    const compilation = compileSeen([
      ...led(selecting),
      inferenceService({ phase: 'Unavailable' }, { name: 'a', labels }),
      b!,
      ...rest,
    ]);
    expect(backendsOf(compilation)).toMatchObject([{ name: 'b' }]);
    expect(faultsOf(compilation, KEY)).toEqual(['ResolvedRefs=False/BackendNotReady']);
  });

  test('backends that people named keep their names', () => {
    const named: Backends = [{ ...gpus, name: 'a', inferenceServiceRef: { name: 'c' } }, selecting];
    const twin = inferenceService({ kind: 'LLMInferenceService' }, { name: 'b', labels });
    const compilation = compileSeen([...led(...named), ...services, twin]);
    expect(backendsOf(compilation)?.map(({ name }) => name)).toEqual([
      'a',
      'a.inferenceservice',
      'b',
      'b.llminferenceservice',
    ]);
  });

  test('one that matches nothing says what it looked for', () => {
    const compilation = compile(led(selecting), EDGE);
    expect(conditionOf(compilation, KEY, 'ResolvedRefs')).toMatchObject({
      reason: 'BackendNotFound',
      message: expect.stringContaining(
        'Backend gpus: no InferenceService or LLMInferenceService of team has model=llama.',
      ),
    });
  });
});

describe('what a rollback needs to know', () => {
  test('the provider of a service is there with its secrets, also while it cannot be called', () => {
    const resources = [
      ...led({ ...gpus, connectionRef: { name: 'provider' } }),
      provider({ auth: { type: 'APIKey', apiKey: { type: 'SecretRef', secretRef: { name: 'it', key: 'k' } } } }),
      secret({ k: 'sk' }, { annotations: { 'fairlead.dev/hosts': 'api.example.com' } }),
      inferenceService({ phase: 'Unavailable' }),
    ];
    const { usableProviders } = compile(resources, EDGE);
    const ids = [...usableProviders.keys()].filter((id) => id.includes('..'));
    expect(ids.flatMap((id) => usableProviders.get(id)?.secrets.map(({ value }) => value) ?? [])).toEqual(['sk']);
    expect(ids).toHaveLength(2);
  });

  test('an answer of the edge about something that is not asked for changes nothing', () => {
    const resources = [...led(), inferenceService()];
    const stray = sighting('team/other..inferenceservice-0123456789abcdef', 'x', SEEN);
    expect(backendsOf(compile([...resources, stray], EDGE))).toEqual([]);
  });
});
