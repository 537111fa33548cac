import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { isApiServerMissing } from '../../envtest/programs.ts';
import { eventually } from '../../support/eventually.ts';
import { inferenceClient, said, type InferenceClient } from '../../support/inference-client.ts';
import { applyEndpoints, fakeKServe, type FakeKServe } from '../../support/inference-objects.ts';
import { bySelector, modelRoute, resource, serviceModel } from '../../support/inference-resources.ts';
import { startKubernetesWorld, type KubernetesWorld } from '../../support/kubernetes-world.ts';
import { startModelServer, type ModelServer } from '../../support/model-server.ts';

const CONVERSATIONS = Array.from({ length: 100 }, (_, i) => `conversation ${i}`);

describe.skipIf(isApiServerMissing())('which inference services are served', () => {
  let world: KubernetesWorld;
  let client: InferenceClient;
  let servers: readonly ModelServer[];
  let a: FakeKServe;
  let b: FakeKServe;
  let team: FakeKServe;

  beforeAll(async () => {
    const starting = ['a', 'b', 'team'].map((name) => startModelServer(name, ['llama']));
    [world, servers] = await Promise.all([startKubernetesWorld(), Promise.all(starting)]);
    client = inferenceClient(world);
    await world.installKServe();
    for (const [name, labels] of Object.entries({ 'team-a': { gpu: 'yes' }, 'team-b': {} }))
      await world.apply(JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } }));
    const { api } = world;
    const urls = servers.map(({ origin }) => origin);
    const labels = { model: 'llama' };
    a = fakeKServe(api, { namespace: 'default', name: 'a', url: urls[0] ?? '', labels });
    b = fakeKServe(api, { namespace: 'default', name: 'b', url: urls[1] ?? '', labels, network: '10.0.1' });
    team = fakeKServe(api, { namespace: 'team-a', name: 'shared', url: urls[2] ?? '', labels: { publish: 'yes' } });
    for (const service of [a, b, team]) {
      await service.apply({ maxReplicas: 3 });
      await service.endpoints(true, true, true);
      await service.status('True');
    }
    await world.apply(serviceModel('gpu-llama', bySelector({ model: 'llama' })));
    await world.apply(modelRoute('gpus', ['gpu-llama']));
    world.startAgent({ resyncSeconds: 1, flags: ['--signals', 'Off', '--signals-seconds', '1'] });
    await world.programmed('edgegateway/edge');
  });
  afterEach(({ task }) => {
    if (task.result?.state === 'fail') process.stderr.write(`${world.describeFailure()}\n`);
  });
  afterAll(async () => {
    await world?.dispose();
    await Promise.all((servers ?? []).map((server) => server.stop()));
  });

  /** How many conversations meet each service. */
  const shares = async (): Promise<Readonly<Record<string, number>>> => {
    const counts: Record<string, number> = {};
    const answers = await Promise.all(
      CONVERSATIONS.map((conversation) => client.ask({ model: 'gpu-llama', conversation })),
    );
    for (const { backend, status } of answers) {
      const key = status === 200 ? String(backend) : String(status);
      counts[key] = (counts[key] ?? 0) + 1;
    }
    return counts;
  };

  describe('by a selector', () => {
    test('all that it selects share the conversations', async () => {
      await client.expectAnswer('gpu-llama');
      await world.programmed('aimodel/gpu-llama');
      const { a: ofA = 0, b: ofB = 0 } = await shares();
      expect(ofA + ofB).toBe(CONVERSATIONS.length);
      expect(Math.min(ofA, ofB)).toBeGreaterThan(25);
    });

    test('one that has a third of its replicas gets a quarter of them', async () => {
      await b.endpoints(true, false, false);
      await eventually('b has fewer', async () => {
        const { a: ofA = 0, b: ofB = 0 } = await shares();
        return ofA + ofB === CONVERSATIONS.length && ofB > 8 && ofB < 38;
      });
      expect(await client.field('aimodel/gpu-llama', '.status.deploymentStatus')).toBe('Ready');
    });

    test('one that loses all of them loses all of its conversations to the other, and no call fails', async () => {
      await b.endpoints(false, false, false);
      await eventually('a has all', async () => {
        const { a: ofA = 0, b: ofB = 0 } = await shares();
        expect(ofA + ofB).toBe(CONVERSATIONS.length);
        return ofB === 0;
      });
      await client.expectField('aimodel/gpu-llama', said('ResolvedRefs'), 'BackendNotReady');
      await client.expectField('aimodel/gpu-llama', said('Programmed', 'status'), 'True');
      await b.delete();
      await client.expectField('aimodel/gpu-llama', said('ResolvedRefs', 'status'), 'True');
      expect(await shares()).toEqual({ a: CONVERSATIONS.length });
    });
  });

  describe('by a route alone', () => {
    const [adapter, older] = ['sql-adapter', 'llama'];

    test('its model names are those that the edge sees, adapters among them', async () => {
      const server = servers[0] ?? fail();
      await world.apply(
        resource('GatewayRoute', 'direct', {
          pathPrefix: '/direct',
          targetService: { group: 'serving.kserve.io', kind: 'InferenceService', name: 'a' },
        }),
      );
      await eventually('the route serves llama', async () => (await client.models('/direct')).includes(older));
      expect(await client.models('/direct')).not.toContain(adapter);
      // As KServe does: the specification first, new pods later, which know the adapter.
      const looks = server.looks();
      await a.apply({
        maxReplicas: 3,
        model: { modelFormat: { name: 'huggingface' }, args: ['--model_name=llama', `--lora-modules=${adapter}=/x`] },
      });
      await eventually('the edge looked once more', () => server.looks() > looks);
      expect(await client.models('/direct')).not.toContain(adapter);
      server.models = [older, adapter];
      await applyEndpoints(world.api, {
        namespace: 'default',
        service: 'a-predictor',
        port: server.port,
        pods: [1, 2, 3].map((i) => ({ name: `a-predictor-2-${i}`, address: `10.0.2.${i}`, ready: true })),
      });
      await eventually('the route serves the adapter', async () => (await client.models('/direct')).includes(adapter));
      expect(await client.ask({ model: adapter, path: '/direct' })).toMatchObject({ text: `a as ${adapter}` });
      expect(await client.ask({ model: older, path: '/direct' })).toMatchObject({ text: `a as ${older}` });
      const calls = server.looks();
      await client.expectField('gatewayroute/direct', said('Programmed', 'status'), 'True');
      expect(server.looks()).toBe(calls);
    });
  });

  describe('by discovery', () => {
    const patchEdge = async (spec: object): Promise<void> => {
      await world.api.kubectl(['patch', 'edgegateway', 'edge', '--type=merge', '-p', JSON.stringify({ spec })]);
    };
    const discovered = async (): Promise<readonly { name: string; modelName: string; message?: string }[]> => {
      const text = await client.field('edgegateway/edge', '.status.discovered');
      return text === '' ? [] : JSON.parse(text);
    };
    const NAME = 'team-a/llama@shared';

    test('what its selectors mean is published under the names that its template gives', async () => {
      const other = fakeKServe(world.api, {
        namespace: 'team-b',
        name: 'unselected',
        url: servers[2]?.origin ?? '',
        labels: { publish: 'yes' },
      });
      await other.apply();
      await other.status('True');
      await patchEdge({
        discovery: [
          {
            name: 'gpus',
            namespaceSelector: { matchLabels: { gpu: 'yes' } },
            labelSelector: { matchLabels: { publish: 'yes' } },
            modelNameTemplate: '{namespace}/{model}@{name}',
          },
        ],
      });
      await client.expectAnswer(NAME);
      expect(await client.ask({ model: NAME })).toMatchObject({ text: 'team as llama' });
      await eventually('the status lists it', async () => (await discovered()).length > 0);
      expect(await discovered()).toEqual([
        { kind: 'InferenceService', namespace: 'team-a', name: 'shared', modelName: NAME },
      ]);
    });

    test('as its pods come to serve more, more is published', async () => {
      const server = servers[2] ?? fail();
      server.models = ['llama', 'adapter'];
      await applyEndpoints(world.api, {
        namespace: 'team-a',
        service: 'shared-predictor',
        port: server.port,
        pods: [{ name: 'shared-predictor-2-1', address: '10.0.3.1', ready: true }],
      });
      await client.expectAnswer('team-a/adapter@shared');
      expect(await client.ask({ model: NAME })).toMatchObject({ status: 200 });
    });

    test('and nothing that its namespace may not claim', async () => {
      const allowed = (modelNames: readonly string[]) => ({
        allowed: [
          { name: 'own', namespaces: { type: 'Names', names: ['default'] }, privateAddresses: true, plainText: true },
          {
            name: 'teams',
            namespaces: { type: 'Names', names: ['team-a'] },
            privateAddresses: true,
            plainText: true,
            modelNames,
          },
        ],
      });
      await patchEdge(allowed(['team-a/llama@shared']));
      await client.expectAnswer('team-a/adapter@shared', false);
      expect(await client.ask({ model: NAME })).toMatchObject({ status: 200 });
      await eventually('the status says why', async () =>
        (await discovered()).some(
          ({ modelName, message = '' }) => modelName === 'team-a/adapter@shared' && /modelNames/.test(message),
        ),
      );
      await team.delete();
      await client.expectAnswer(NAME, false);
      await eventually('nothing is discovered', async () => (await discovered()).length === 0, 45_000);
    });
  });
});

function fail(): never {
  throw new Error('there is a server for each');
}
