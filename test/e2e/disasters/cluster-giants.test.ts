import { createServer, type Server } from 'node:http';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { instantPace } from '../../../dev/simulator/pace.ts';
import { startSimulator, type Simulator } from '../../../dev/simulator/server.ts';
import { isApiServerMissing } from '../../envtest/programs.ts';
import { eventually } from '../../support/eventually.ts';
import { fakeKServe } from '../../support/inference-objects.ts';
import { startKubernetesWorld, type KubernetesWorld } from '../../support/kubernetes-world.ts';
import type { AgentProcess } from '../../support/running-agent.ts';
import {
  consumer,
  type Fields,
  keyOf,
  model,
  namespace,
  provider,
  resource,
  route,
  secret,
} from '../../support/tenant-objects.ts';

/** As long as the API server lets the name of a resource and of a namespace be. */
const LONGEST = `${'n'.repeat(250)}.xy`;
const TENANT = `t${'e'.repeat(62)}`;
const UNSAFE = 9_007_199_254_740_990;

const MODELS = JSON.stringify({
  data: Array.from({ length: 100_000 }, (_, i) => ({ id: `${'m'.repeat(i % 600)}-${i}\u202e"` })),
});

const GARBAGE: readonly (readonly [name: string, status: Fields, spec: Fields])[] = [
  ['counts', { modelStatus: { copies: { totalCopies: UNSAFE } } }, { minReplicas: UNSAFE }],
  ['devices', {}, { workerSpec: { tensorParallelSize: 1_000_000, pipelineParallelSize: 1_000_000 } }],
  ['types', { conditions: 'Ready', components: [[]], modelStatus: 7, address: 'x' }, { model: [], containers: {} }],
  ['urls', { url: 'javascript:alert(1)', address: { url: `https://u:p@[fd00::1]:99999/${'x'.repeat(9_000)}` } }, {}],
  [
    'words',
    {
      conditions: [
        { type: 'Ready', status: 'False', reason: 'X', message: `${'a'.repeat(298)}🦙🦙${'ü'.repeat(30_000)}` },
      ],
    },
    {},
  ],
];

describe.skipIf(isApiServerMissing())('a namespace full of giants and garbage', () => {
  let world: KubernetesWorld;
  let pods: Simulator;
  let liar: Server;
  let liarPort = 0;
  let step = 1;
  let agent: AgentProcess;

  beforeAll(async () => {
    [world, pods] = await Promise.all([
      startKubernetesWorld(),
      startSimulator({ pace: instantPace, models: ['llama'] }),
    ]);
    liar = createServer((request, response) => {
      const { pathname } = new URL(request.url ?? '/', 'http://liar');
      if (pathname.endsWith('/models')) {
        response.end(MODELS);
        return;
      }
      // Numbers that overflow when they are summed, then a line that does not end.
      response.write('vllm:num_requests_waiting{a="b"} 1.7e308\nvllm:num_requests_waiting{a="c"} 1.7e308\nx{y="');
      const pouring = setInterval(() => response.write(String.raw`\n`.repeat(32_768)), 5);
      response.once('close', () => clearInterval(pouring));
    });
    await new Promise<void>((resolve) => liar.listen(0, '127.0.0.1', resolve));
    const address = liar.address();
    liarPort = typeof address === 'object' && address ? address.port : 0;
    await world.installKServe();
    await world.write(step);
    agent = world.startAgent({ resyncSeconds: 1, flags: ['--signals-seconds', '1'] });
    await world.programmed('edgegateway/edge');
    await apply(namespace(TENANT));
  });
  afterEach(({ task }) => {
    if (task.result?.state === 'fail') process.stderr.write(`${world.describeFailure()}\n`);
  });
  afterAll(async () => {
    await world?.dispose();
    await pods?.close();
    liar?.closeAllConnections();
    liar?.close();
  });

  const apply = async (...objects: readonly object[]): Promise<void> => {
    await world.api.kubectl(
      ['apply', '--server-side', '--force-conflicts', '-f', '-'],
      objects.map((object) => JSON.stringify(object)).join('\n---\n'),
    );
  };
  /** Whoever else uses the edge has what they wrote served, and their status written. */
  const expectOthersServed = async (): Promise<void> => {
    step += 1;
    const client = world.startClient();
    await world.write(step);
    await client.sees(step);
    await world.programmed('aimodel/model-of-test');
    await client.stop();
  };
  const conditionOf = (what: string, name: string, type: string) =>
    world.api.kubectl([
      'get',
      what,
      name,
      '-n',
      TENANT,
      '-o',
      `jsonpath={.status.conditions[?(@.type=="${type}")].reason}`,
    ]);
  const expectReason = (what: string, name: string, type: string, reason: string) =>
    eventually(
      `${what} ${name.slice(0, 20)} has ${reason}`,
      async () => (await conditionOf(what, name, type)) === reason,
    );

  test('of Secrets of a megabyte keeps nobody from being published', async () => {
    const { host } = new URL(pods.url);
    await apply(
      secret(TENANT, 'huge', 'x'.repeat(1_000_000), host),
      provider(TENANT, 'huge', { baseURL: `${pods.url}/v1`, ...keyOf('huge') }),
      model(TENANT, 'huge', 'huge', { type: 'Provider', providerRef: { name: 'huge' } }),
      route(TENANT, 'huge', { models: [{ name: 'huge' }] }),
    );
    await expectReason('llmprovider', 'huge', 'ResolvedRefs', 'SecretNotFound');
    await expectOthersServed();
  });

  test('of the longest names, the longest lists and all of Unicode keeps nobody from being published', async () => {
    const names = Array.from({ length: 256 }, (_, i) => ({ name: `absent-${i}` }));
    const described: Fields = { annotations: { note: '🦙\u202e\u0000'.replace('\u0000', '') + 'ü'.repeat(60_000) } };
    const longest = model(TENANT, LONGEST, `a${'~'.repeat(255)}`, {
      type: 'InferenceService',
      inferenceServiceRef: { name: LONGEST },
    });
    await apply(
      { ...longest, metadata: { name: LONGEST, namespace: TENANT, ...described } },
      route(TENANT, LONGEST, { models: [{ name: LONGEST }, ...names].slice(0, 256) }),
      consumer(TENANT, LONGEST, 'sk-of-the-longest'),
    );
    const service = fakeKServe(world.api, { namespace: TENANT, name: LONGEST, url: pods.url });
    await service.apply();
    await service.status('True');
    await expectReason('gatewayroute', LONGEST, 'ResolvedRefs', 'ModelNotFound');
    await world.api.kubectl([
      'wait',
      '--for=condition=Programmed',
      `aimodel/${LONGEST}`,
      '-n',
      TENANT,
      '--timeout=30s',
    ]);
    await expectOthersServed();
  });

  test('of an EdgeGateway at every bound of its schema is judged like any other', async () => {
    const many = Array.from({ length: 64 }, (_, i) => `n${i}-${'a'.repeat(58)}`.slice(0, 63));
    const allowed = Array.from({ length: 16 }, (_, i) => ({
      name: `entry-${i}`,
      namespaces: { type: 'Names', names: many },
      hostnames: Array.from({ length: 16 }, (_, j) => `*.${'h'.repeat(60)}${j}.example.com`),
      modelNames: Array.from({ length: 16 }, (_, j) => `${'m'.repeat(240)}${j}*`),
      pathPrefixes: Array.from({ length: 16 }, (_, j) => `/${'p'.repeat(200)}${j}`),
    }));
    const discovery = Array.from({ length: 8 }, (_, i) => ({
      name: `all-${i}`,
      labelSelector: {
        matchLabels: Object.fromEntries(Array.from({ length: 8 }, (_, j) => [`l${j}`, 'x'.repeat(63)])),
      },
      modelNameTemplate: `${'t'.repeat(200)}{name}{namespace}{model}`,
    }));
    const spec = {
      clusterName: 'another',
      endpoint: 'https://another.example.com',
      signingKeySecretRef: { name: 'absent' },
      sealingKeys: [{ kid: 'a', publicKey: 'MLgzX60bHVbDxMXJ3QanXlRzuhpvpHegQw3BHZr-jUE' }],
      allowed,
      discovery,
    };
    await apply(resource('EdgeGateway', TENANT, 'another', spec));
    await eventually(
      'it is told what it lacks',
      async () => (await conditionOf('edgegateway', 'another', 'ResolvedRefs')) !== '',
    );
    await expectOthersServed();
    await world.api.kubectl(['delete', 'edgegateway', 'another', '-n', TENANT]);
  });

  test('of InferenceServices with garbage has statuses that are written, and written once', async () => {
    for (const [name, status, spec] of GARBAGE) {
      const service = fakeKServe(world.api, { namespace: TENANT, name, url: pods.url });
      await service.apply(spec);
      await service.endpoints(true);
      await service.status('True', status);
      await apply(
        model(TENANT, name, `garbage-${name}`, { type: 'InferenceService', inferenceServiceRef: { name } }),
        route(TENANT, name, { models: [{ name }] }),
      );
    }
    for (const [name] of GARBAGE)
      await eventually(
        'its status is written',
        async () => (await conditionOf('aimodel', name, 'ResolvedRefs')) !== '',
      );
    const names = GARBAGE.map(([name]) => name);
    const versions = () =>
      world.api.kubectl([
        'get',
        'aimodel',
        ...names,
        '-n',
        TENANT,
        '-o',
        'jsonpath={.items[*].metadata.resourceVersion}',
      ]);
    await eventually('they stay as they are while others change', async () => {
      const before = await versions();
      await expectOthersServed();
      return (await versions()) === before;
    });
  });

  test('of pods that lie and never end keeps no signal of others from the edge, and no look', async () => {
    const url = `http://127.0.0.1:${liarPort}`;
    const liars = Array.from({ length: 8 }, (_, i) =>
      fakeKServe(world.api, { namespace: TENANT, name: `liar-${i}`, url }),
    );
    for (const [i, service] of liars.entries()) {
      await service.apply();
      await apply(
        model(TENANT, `liar-${i}`, `liar-${i}`, {
          type: 'InferenceService',
          inferenceServiceRef: { name: `liar-${i}` },
        }),
        route(TENANT, `liar-${i}`, { models: [{ name: `liar-${i}` }] }),
      );
      await service.status('True');
    }
    // The API server lets no endpoint be a loopback address, so that the pods themselves are asked at none: the slice is of ten thousand.
    const endpoints = Array.from({ length: 1_000 }, (_, i) => ({
      addresses: [`10.1.${i >> 8}.${i & 255}`],
      conditions: { ready: true },
      targetRef: { kind: 'Pod', name: `liar-0-${i}`, namespace: TENANT },
    }));
    const slices = Array.from({ length: 10 }, (_, slice) => ({
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: {
        name: `liar-0-predictor-${slice}`,
        namespace: TENANT,
        labels: { 'kubernetes.io/service-name': 'liar-0-predictor' },
      },
      addressType: 'IPv4',
      ports: [{ name: 'http', port: liarPort, protocol: 'TCP' }],
      endpoints,
    }));
    await apply(...slices);
    await eventually('the edge has looked at all of them', async () => {
      const reasons = await Promise.all(liars.map((_, i) => conditionOf('aimodel', `liar-${i}`, 'ResolvedRefs')));
      return reasons.every((reason) => reason === 'BackendUnreachable' || reason === 'ResolvedRefs');
    });
    const good = fakeKServe(world.api, { namespace: 'default', name: 'good', url: pods.url });
    await good.apply();
    await good.status('True');
    await apply(
      resource('AIModel', 'default', 'good', {
        modelName: 'good',
        backends: [{ name: 'only', type: 'InferenceService', inferenceServiceRef: { name: 'good' }, model: 'llama' }],
      }),
      resource('GatewayRoute', 'default', 'good', { models: [{ name: 'good' }] }),
    );
    await world.programmed('aimodel/good');
    await expectOthersServed();
    const said = JSON.stringify(agent.lines.all);
    expect(said).not.toContain('does not take signals');
    expect(said).not.toContain('status cannot be written');
    expect(said).not.toContain('by a fault of the agent');
  });
});
