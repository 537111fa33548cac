import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { isApiServerMissing } from '../../envtest/programs.ts';
import { eventually } from '../../support/eventually.ts';
import { inferenceClient, type InferenceClient } from '../../support/inference-client.ts';
import { applyObject, fakeKServe, patchStatus, type FakeKServe } from '../../support/inference-objects.ts';
import { byService, modelRoute, resource, serviceModel } from '../../support/inference-resources.ts';
import { startKubernetesWorld, type KubernetesWorld } from '../../support/kubernetes-world.ts';
import { startLocalHttpServer, type HttpCall, type LocalHttpServer } from '../../support/local-http-server.ts';
import { startModelServer, vllmMetrics, type ModelServer } from '../../support/model-server.ts';
import type { AgentProcess } from '../../support/running-agent.ts';
import { temporaryFolder, type TemporaryFolder } from '../../support/temporary-folder.ts';

const CONVERSATIONS = Array.from({ length: 100 }, (_, i) => `conversation ${i}`);
/** Waiting requests of a service that has much to do. */
const MANY = 80;

describe.skipIf(isApiServerMissing())('the load of inference services', () => {
  let world: KubernetesWorld;
  let client: InferenceClient;
  let busy: ModelServer;
  let idle: ModelServer;
  let services: readonly FakeKServe[];
  /** The backend of each conversation while nothing is known of load. */
  let usual: readonly (string | null)[];
  let prometheus: Answering;
  let picker: Answering;
  let folder: TemporaryFolder;
  let agents = 0;

  beforeAll(async () => {
    [world, busy, idle, prometheus, picker, folder] = await Promise.all([
      startKubernetesWorld(),
      startModelServer('busy', ['llama']),
      startModelServer('idle', ['llama']),
      startAnswering(),
      startAnswering(),
      temporaryFolder({ token: 'first-token\n' }),
    ]);
    client = inferenceClient(world);
    await world.installKServe();
    services = [
      fakeKServe(world.api, { namespace: 'default', name: 'busy', url: busy.origin, network: '10.1.0' }),
      fakeKServe(world.api, { namespace: 'default', name: 'idle', url: idle.origin, network: '10.1.1' }),
    ];
    for (const service of services) {
      await service.apply({ minReplicas: 3, maxReplicas: 3 });
      await service.endpoints(true, true, true);
      await service.status('True');
    }
    await world.apply(
      serviceModel(
        'shared',
        byService('InferenceService', 'busy', { name: 'busy', model: 'llama' }),
        byService('InferenceService', 'idle', { name: 'idle', model: 'llama' }),
      ),
    );
    await world.apply(modelRoute('gpus', ['shared']));
    const agent = start('--signals', 'Off');
    await world.programmed('aimodel/shared');
    usual = await backends('shared');
    await agent.kill();
  });
  beforeEach(() => {
    busy.metrics = vllmMetrics(MANY);
    idle.metrics = vllmMetrics(0);
  });
  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail') process.stderr.write(`${world.describeFailure()}\n`);
    await world.endTest();
  });
  afterAll(async () => {
    await world?.dispose();
    await Promise.all([busy, idle, prometheus, picker].map((server) => server?.stop()));
    await folder?.dispose();
  });

  /** What died holds its Lease for a while: each has one of its own. */
  const start = (...flags: readonly string[]): AgentProcess =>
    world.startAgent({
      flags: ['--signals-seconds', '1', '--lease-name', `agent-${++agents}`, ...flags],
      places: {
        ...placesOf('10.1.0', busy),
        ...placesOf('10.1.1', idle),
        'pool-epp.default.svc:9090': Number(new URL(picker.origin).port),
      },
    });
  const backends = (model: string): Promise<(string | null)[]> =>
    Promise.all(CONVERSATIONS.map(async (conversation) => (await client.ask({ model, conversation })).backend));
  const usualShare = () => usual.filter((backend) => backend === 'busy').length;
  /** Some of what the busy one had goes to the other, and nothing comes to it. */
  const expectRelief = (what: string) =>
    eventually(what, async () => {
      const now = await backends('shared');
      const left = now.filter((backend) => backend === 'busy').length;
      return left < 0.75 * usualShare() && now.every((backend, i) => backend === 'idle' || usual[i] === 'busy');
    });
  const expectUsual = (what: string) =>
    eventually(what, async () => JSON.stringify(await backends('shared')) === JSON.stringify(usual));

  test('both get their share while nothing is known of it', () => {
    expect(usualShare()).toBeGreaterThan(25);
    expect(usualShare()).toBeLessThan(75);
  });

  test('told by pods: the less loaded service gets more, until one does not tell any more', async () => {
    const agent = start();
    await expectRelief('conversations move to the less loaded service');
    // Two thirds of its pods are silent: they all lead to one server, so that all are.
    busy.metrics = undefined;
    await expectUsual('nothing is known of the load, which is not the same as zero');
    // Readiness is told all the same.
    await services[1]?.endpoints(true, false, false);
    await eventually('what has fewer replicas gets fewer conversations', async () => {
      const ofIdle = (await backends('shared')).filter((backend) => backend === 'idle').length;
      return ofIdle > 5 && ofIdle < 0.75 * (CONVERSATIONS.length - usualShare());
    });
    await services[1]?.endpoints(true, true, true);
    busy.metrics = vllmMetrics(MANY);
    await expectRelief('it tells again');
    await agent.kill();
    await expectUsual('what it said has expired, and all go on where they would without it');
  });

  test('told by Prometheus', async () => {
    const sample = (name: string, pod: string, value: string) => ({
      metric: { __name__: name, namespace: 'default', pod, job: 'vllm' },
      value: [1_767_225_600, value],
    });
    const podsOf = (name: string, waiting: number) =>
      [0, 1, 2].map((i) => sample('vllm:num_requests_waiting', `${name}-predictor-1-${i}`, String(waiting)));
    prometheus.answer = () =>
      Response.json({
        status: 'success',
        data: { resultType: 'vector', result: [...podsOf('busy', MANY / 3), ...podsOf('idle', 0)] },
      });
    start('--signals', 'Prometheus', '--prometheus-url', prometheus.origin);
    await expectRelief('conversations move');
    prometheus.answer = () => new Response('query queue is full', { status: 503 });
    await expectUsual('a query that fails tells nothing');
    expect(prometheus.calls.every(({ url }) => url.pathname === '/api/v1/query')).toBe(true);
  });

  test('told by the endpoint picker of a pool, which wants the token of a file', async () => {
    let token = 'first-token';
    picker.answer = ({ headers }) =>
      headers.get('authorization') === `Bearer ${token}`
        ? new Response(pickerMetrics(3, MANY / 3))
        : new Response('Unauthorized', { status: 401 });
    await applyObject(world.api, POOL);
    await patchStatus(world.api, { resource: 'inferencepool', namespace: 'default', name: 'pool' }, TAKEN);
    await world.apply(resource('LLMProvider', 'pool', { dialect: 'OpenAI', baseURL: `${busy.origin}/v1` }));
    await world.apply(
      serviceModel(
        'pooled',
        byService('InferencePool', 'pool', { name: 'pool', model: 'llama', connectionRef: { name: 'pool' } }),
        byService('InferenceService', 'idle', { name: 'idle', model: 'llama' }),
      ),
    );
    await world.apply(modelRoute('pooled', ['pooled']));
    const waiting = start('--picker-token-file', join(folder.path, 'no-such-file'));
    await world.programmed('aimodel/pooled');
    await eventually('the picker was asked', () => picker.calls.length > 1);
    const before = await backends('pooled');
    const shareOf = async () => (await backends('pooled')).filter((backend) => backend === 'pool').length;
    expect(before.filter((backend) => backend === 'pool').length).toBeGreaterThan(25);
    await waiting.kill();

    start('--picker-token-file', join(folder.path, 'token'));
    await eventually(
      'conversations move away from the pool',
      async () => (await shareOf()) < 0.75 * before.filter((backend) => backend === 'pool').length,
    );
    // The token is rotated: nothing is known until the file has the new one.
    token = 'second-token';
    await eventually(
      'all is as before',
      async () => JSON.stringify(await backends('pooled')) === JSON.stringify(before),
    );
    await folder.write('token', 'second-token');
    await eventually(
      'they move again',
      async () => (await shareOf()) < 0.75 * before.filter((backend) => backend === 'pool').length,
    );
    expect(busy.calls.some(({ headers }) => headers.has('authorization'))).toBe(false);
  });
});

interface Answering extends LocalHttpServer {
  answer: (call: HttpCall) => Response;
  readonly calls: readonly HttpCall[];
}

async function startAnswering(): Promise<Answering> {
  const calls: HttpCall[] = [];
  const state: Pick<Answering, 'answer'> = { answer: () => new Response('', { status: 404 }) };
  const server = await startLocalHttpServer(async (call) => {
    calls.push(call);
    return state.answer(call);
  });
  return Object.assign(state, server, { calls });
}

/** The three pods of a service, all of which are one server. */
function placesOf(network: string, { port }: ModelServer): Readonly<Record<string, number>> {
  return Object.fromEntries([1, 2, 3].map((i) => [`${network}.${i}:${port}`, port]));
}

function pickerMetrics(ready: number, waiting: number): string {
  return [
    `inference_pool_ready_pods{name="pool"} ${ready}`,
    `inference_pool_average_queue_size{name="pool"} ${waiting}`,
    `inference_pool_average_kv_cache_utilization{name="pool"} 0.1`,
    '',
  ].join('\n');
}

const POOL = {
  apiVersion: 'inference.networking.k8s.io/v1',
  kind: 'InferencePool',
  metadata: { name: 'pool', namespace: 'default' },
  spec: {
    selector: { matchLabels: { app: 'vllm' } },
    targetPorts: [{ number: 8000 }],
    endpointPickerRef: { name: 'pool-epp', port: { number: 9002 } },
  },
};

const TAKEN = {
  parents: [
    {
      parentRef: { group: 'gateway.networking.k8s.io', kind: 'Gateway', name: 'inference-gateway' },
      conditions: ['Accepted', 'ResolvedRefs'].map((type) => ({
        type,
        status: 'True',
        reason: type,
        message: '',
        lastTransitionTime: '2026-01-01T00:00:00Z',
      })),
    },
  ],
};
