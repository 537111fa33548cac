import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { instantPace } from '../../dev/simulator/pace.ts';
import { startSimulator, type Simulator } from '../../dev/simulator/server.ts';
import { isApiServerMissing } from '../envtest/programs.ts';
import { eventually } from '../support/eventually.ts';
import { fakeKServe, type FakeKServe } from '../support/inference-objects.ts';
import { startKubernetesWorld, type KubernetesWorld } from '../support/kubernetes-world.ts';

describe.skipIf(isApiServerMissing())('an InferenceService through its life', () => {
  let world: KubernetesWorld;
  let pods: Simulator;
  let service: FakeKServe;

  beforeAll(async () => {
    [world, pods] = await Promise.all([
      startKubernetesWorld(),
      startSimulator({ pace: instantPace, models: ['llama'] }),
    ]);
    await world.installKServe();
    service = fakeKServe(world.api, { namespace: 'default', name: 'llama', url: pods.url });
    await service.apply();
    await world.apply(MODEL);
    await world.apply(ROUTE);
    world.startAgent({ resyncSeconds: 1 });
    await world.programmed('edgegateway/edge');
  });
  afterEach(({ task }) => {
    if (task.result?.state === 'fail') process.stderr.write(`${world.describeFailure()}\n`);
  });
  afterAll(async () => {
    await world?.dispose();
    await pods?.close();
  });

  const ask = async (): Promise<Response> =>
    fetch(`${world.edge.url}/v1/chat/completions`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${world.edgeUnderTest.cluster.clientKey}`,
        'content-type': 'application/json',
      },
      body: JSON.stringify({ model: 'gpu-llama', messages: [{ role: 'user', content: 'Are you there?' }] }),
    });
  const expectAnswers = (isAnswered: boolean) =>
    eventually(isAnswered ? 'the service answers' : 'the service is not routed to', async () => {
      const response = await ask();
      await response.arrayBuffer();
      return response.ok === isAnswered;
    });
  const field = (path: string) => world.api.kubectl(['get', 'aimodel', 'gpu-llama', '-o', `jsonpath={${path}}`]);
  const expectStatus = (name: string, value: string) =>
    eventually(`status.${name} is ${value}`, async () => (await field(`.status.${name}`)) === value);

  test('pending: nothing is routed, and the condition says that it is not ready', async () => {
    await service.status('Unknown');
    await expectStatus('deploymentStatus', 'Pending');
    await expectAnswers(false);
    expect(await field('.status.conditions[?(@.type=="ResolvedRefs")].reason')).toBe('BackendNotReady');
  });

  test('ready: the edge has seen its models, and answers come from it', async () => {
    await service.endpoints(true, true, true);
    await service.status('True');
    await expectAnswers(true);
    await world.programmed('aimodel/gpu-llama');
    await expectStatus('deploymentStatus', 'Ready');
    await expectStatus('availableReplicas', '3');
    expect(await field('.status.inferenceServiceURL')).toContain(pods.url);
  });

  test('one of three pods dead: it says that it is not ready, and is served on', async () => {
    await service.endpoints(true, true, false);
    await service.status('False');
    await expectStatus('deploymentStatus', 'Degraded');
    await expectStatus('availableReplicas', '2');
    await expectAnswers(true);
  });

  test('a canary changes nothing of that', async () => {
    await service.apply({ canaryTrafficPercent: 10 });
    await service.endpoints(true, true, true);
    await service.status('True', {
      components: {
        predictor: {
          traffic: [
            { revisionName: 'llama-predictor-00001', percent: 90 },
            { revisionName: 'llama-predictor-00002', percent: 10, tag: 'latest' },
          ],
        },
      },
    });
    await expectStatus('deploymentStatus', 'Ready');
    await expectAnswers(true);
  });

  test('without a ready endpoint it is unrouted', async () => {
    await service.endpoints(false, false, false);
    await expectAnswers(false);
    await expectStatus('deploymentStatus', 'Unavailable');
    await service.endpoints(true, true, true);
    await expectAnswers(true);
  });

  test('stopped by its owner it is unrouted, and comes back', async () => {
    await service.apply({}, { 'serving.kserve.io/stop': 'true' });
    await expectAnswers(false);
    await expectStatus('deploymentStatus', 'Stopped');
    await service.apply({});
    await expectAnswers(true);
  });

  test('deleted it is unrouted, and another one of its name begins anew', async () => {
    await service.delete();
    await expectAnswers(false);
    await service.apply();
    await expectStatus('deploymentStatus', 'Pending');
    await expectAnswers(false);
    await service.status('True');
    await expectAnswers(true);
  });
});

const MODEL = JSON.stringify({
  apiVersion: 'fairlead.dev/v1alpha1',
  kind: 'AIModel',
  metadata: { name: 'gpu-llama', namespace: 'default' },
  spec: {
    modelName: 'gpu-llama',
    backends: [
      {
        name: 'gpus',
        type: 'InferenceService',
        inferenceServiceRef: { group: 'serving.kserve.io', kind: 'InferenceService', name: 'llama' },
        model: 'llama',
      },
    ],
  },
});

const ROUTE = JSON.stringify({
  apiVersion: 'fairlead.dev/v1alpha1',
  kind: 'GatewayRoute',
  metadata: { name: 'gpus', namespace: 'default' },
  spec: { models: [{ name: 'gpu-llama' }] },
});
