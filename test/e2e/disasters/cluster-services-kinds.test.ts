import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { isApiServerMissing } from '../../envtest/programs.ts';
import { inferenceClient, said, type InferenceClient } from '../../support/inference-client.ts';
import { applyEndpoints, applyObject, conditionsOf, fakeKServe, patchStatus } from '../../support/inference-objects.ts';
import { byService, modelRoute, resource, serviceModel } from '../../support/inference-resources.ts';
import { startKubernetesWorld, type KubernetesWorld } from '../../support/kubernetes-world.ts';
import { startModelServer, type ModelServer } from '../../support/model-server.ts';
import type { AgentProcess } from '../../support/running-agent.ts';

/** They stand beside the project where it is developed, and nowhere else. */
const UPSTREAM_CRDS = fileURLToPath(new URL('../../../../shared/upstream-crds', import.meta.url));
const SAMPLES = new URL('../../../../shared/kserve-samples/', import.meta.url);

describe.skipIf(isApiServerMissing())('a cluster without KServe', () => {
  let world: KubernetesWorld;
  let client: InferenceClient;
  let server: ModelServer;
  let agent: AgentProcess;

  beforeAll(async () => {
    [world, server] = await Promise.all([startKubernetesWorld(), startModelServer('pods', ['llama'])]);
    client = inferenceClient(world);
    await world.apply(serviceModel('gpu-llama', byService('InferenceService', 'llama', { model: 'llama' })));
    await world.apply(serviceModel('gpu-qwen', byService('LLMInferenceService', 'qwen')));
    await world.apply(
      serviceModel('gpu-pool', byService('InferencePool', 'pool', { connectionRef: { name: 'gateway' } })),
    );
    await world.apply(resource('LLMProvider', 'gateway', { dialect: 'OpenAI', baseURL: `${server.origin}/pool/v1` }));
    await world.apply(modelRoute('gpus', ['gpu-llama', 'gpu-qwen', 'gpu-pool']));
    agent = world.startAgent();
    await world.programmed('edgegateway/edge');
  });
  afterEach(({ task }) => {
    if (task.result?.state === 'fail') process.stderr.write(`${world.describeFailure()}\n`);
  });
  afterAll(async () => {
    await world?.dispose();
    await server?.stop();
  });

  test('says of models on it what is missing, and serves all others', async () => {
    for (const model of ['gpu-llama', 'gpu-qwen', 'gpu-pool'])
      await client.expectField(`aimodel/${model}`, said('ResolvedRefs'), 'BackendNotFound');
    expect(await client.ask({ model: 'gpu-llama' })).toMatchObject({ status: 503 });
  });

  test('that gains it while the agent runs serves its services, and nothing is restarted', async () => {
    if (existsSync(UPSTREAM_CRDS)) await world.api.kubectl(['apply', '--server-side', '-f', UPSTREAM_CRDS]);
    else await world.installKServe();
    await world.api.kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s']);
    const llama = fakeKServe(world.api, { namespace: 'default', name: 'llama', url: server.origin });
    await llama.apply();
    // What a cluster serves is asked each minute.
    await client.expectField('aimodel/gpu-llama', '.status.deploymentStatus', 'Pending', 75_000);
    await llama.endpoints(true, true, true);
    await llama.status('True');
    await client.expectAnswer('gpu-llama');
    await world.programmed('aimodel/gpu-llama');
    expect(agent.lines.all.filter(({ message }) => message === 'leading')).toHaveLength(1);
  }, 120_000);

  const QWEN = {
    kind: 'LLMInferenceService',
    metadata: { name: 'qwen', namespace: 'default' },
    spec: {
      model: { uri: 'hf://Qwen/Qwen2.5-7B-Instruct', name: 'Qwen/Qwen2.5-7B-Instruct' },
      replicas: 2,
      template: { containers: [{ name: 'main', resources: { limits: { 'amd.com/gpu': '4' } } }] },
    },
  };
  const qwen = { resource: 'llminferenceservices.v1alpha2.serving.kserve.io', namespace: 'default', name: 'qwen' };
  const podsOf = (service: string, ...ready: readonly boolean[]) =>
    applyEndpoints(world.api, {
      namespace: 'default',
      service,
      port: 8000,
      pods: ready.map((isReady, i) => ({ name: `${service}-1-${i}`, address: `10.0.1.${i + 1}`, ready: isReady })),
    });

  test('an LLMInferenceService is pending, ready, one pod short, without any, and gone', async () => {
    await applyObject(world.api, { apiVersion: 'serving.kserve.io/v1alpha2', ...QWEN });
    const model = 'aimodel/gpu-qwen';
    await client.expectField(model, '.status.deploymentStatus', 'Pending');
    server.models = ['llama', 'Qwen/Qwen2.5-7B-Instruct'];
    await podsOf('qwen-kserve-workload-svc', true, true);
    await patchStatus(world.api, qwen, llmStatus('True', 'qwen', server.origin));
    // It serves two models, of which neither is called like the AIModel.
    await client.expectField(model, said('ResolvedRefs', 'message'), /say by the backend's field model/);
    await world.apply(
      serviceModel('gpu-qwen', byService('LLMInferenceService', 'qwen', { model: 'Qwen/Qwen2.5-7B-Instruct' })),
    );
    await client.expectAnswer('gpu-qwen');
    await world.programmed(model);
    await client.expectField(model, '.status.deploymentStatus', 'Ready');
    expect(await services(model)).toMatchObject([
      {
        kind: 'LLMInferenceService',
        readyReplicas: 2,
        desiredReplicas: 2,
        accelerator: 'amd.com/gpu',
        acceleratorsPerReplica: 4,
        url: `${server.origin}/default/qwen/v1`,
      },
    ]);
    await patchStatus(world.api, qwen, llmStatus('False', 'qwen', server.origin));
    await podsOf('qwen-kserve-workload-svc', true, false);
    await client.expectField(model, '.status.deploymentStatus', 'Degraded');
    await client.expectAnswer('gpu-qwen');
    await podsOf('qwen-kserve-workload-svc', false, false);
    await client.expectAnswer('gpu-qwen', false);
    await client.expectField(model, '.status.deploymentStatus', 'Unavailable');
    await podsOf('qwen-kserve-workload-svc', true, true);
    await client.expectAnswer('gpu-qwen');
    await world.api.kubectl(['delete', qwen.resource, 'qwen', '--wait=false']);
    await client.expectAnswer('gpu-qwen', false);
    await client.expectField(model, said('ResolvedRefs'), 'BackendNotFound');
  });

  test('one that is written in v1alpha1 is the same', async () => {
    await applyObject(world.api, { apiVersion: 'serving.kserve.io/v1alpha1', ...QWEN });
    await client.expectField('aimodel/gpu-qwen', '.status.deploymentStatus', 'Pending');
    const resourceV1 = 'llminferenceservices.v1alpha1.serving.kserve.io';
    await patchStatus(world.api, { ...qwen, resource: resourceV1 }, llmStatus('True', 'qwen', server.origin));
    await client.expectAnswer('gpu-qwen');
    await client.expectField('aimodel/gpu-qwen', '.status.deploymentStatus', 'Ready');
    expect(await services('aimodel/gpu-qwen')).toMatchObject([{ name: 'qwen', accelerator: 'amd.com/gpu' }]);
  });

  test('an InferencePool is served by its connection from when a gateway takes it, and nobody counts its replicas', async () => {
    const model = 'aimodel/gpu-pool';
    const pool = { resource: 'inferencepool', namespace: 'default', name: 'pool' };
    await applyObject(world.api, POOL);
    await client.expectField(model, '.status.deploymentStatus', 'Pending');
    server.models = ['gpu-pool'];
    await patchStatus(world.api, pool, { parents: [parentOf('True')] });
    await client.expectAnswer('gpu-pool');
    await client.expectField(model, '.status.deploymentStatus', 'Ready');
    await client.expectField(model, '.status.inferenceServiceURL', `${server.origin}/pool/v1`);
    expect(await services(model)).toEqual([
      expect.not.objectContaining({ readyReplicas: expect.anything(), accelerator: expect.anything() }),
    ]);
    expect(await client.field(model, '.status.availableReplicas')).toBe('');
    await world.api.kubectl(['delete', 'inferencepool', 'pool', '--wait=false']);
    await client.expectAnswer('gpu-pool', false);
  });

  const services = async (model: string) =>
    z.array(z.record(z.string(), z.unknown())).parse(JSON.parse(await client.field(model, '.status.services')));

  describe.skipIf(!existsSync(SAMPLES))('the samples of KServe’s documentation', () => {
    const samples = existsSync(SAMPLES)
      ? readdirSync(SAMPLES).flatMap((file) =>
          parseAllDocuments(readFileSync(new URL(file, SAMPLES), 'utf8')).map((document) => ({
            file,
            object: sample.parse(document.toJS()),
          })),
        )
      : [];

    test.each(samples)('$file', async ({ object }) => {
      const { kind, metadata } = object;
      const { name } = metadata;
      const expected = EXPECTED[name] ?? { replicas: 1, accelerator: undefined, saysInstead: undefined };
      const { replicas, accelerator, saysInstead, model } = expected;
      server.models = model === undefined ? [] : ['other', model];
      server.refuse = saysInstead === undefined ? undefined : () => Response.json({ models: [name] });
      await applyObject(world.api, { ...object, metadata: { ...metadata, namespace: 'default' } });
      await world.apply(serviceModel(`sample-${name}`, byService(kind, name, { ...(model && { model }) })));
      await world.apply(modelRoute(`sample-${name}`, [`sample-${name}`]));
      const resourceOf = { resource: kind.toLowerCase(), namespace: 'default', name };
      await client.expectField(`aimodel/sample-${name}`, '.status.deploymentStatus', 'Pending');
      const service = kind === 'InferenceService' ? `${name}-predictor` : `${name}-kserve-workload-svc`;
      await podsOf(service, ...Array.from({ length: replicas }, () => true));
      const status = kind === 'InferenceService' ? kserveStatus(server.origin) : llmStatus('True', name, server.origin);
      await patchStatus(world.api, resourceOf, status);
      await client.expectField(`aimodel/sample-${name}`, '.status.deploymentStatus', 'Ready');
      const [one] = await services(`aimodel/sample-${name}`);
      expect(one).toMatchObject({ kind, name, readyReplicas: replicas, desiredReplicas: replicas });
      expect([one?.['accelerator'], one?.['acceleratorsPerReplica']]).toEqual([accelerator?.kind, accelerator?.count]);
      if (saysInstead === undefined) await client.expectAnswer(`sample-${name}`);
      else await client.expectField(`aimodel/sample-${name}`, said('ResolvedRefs', 'message'), saysInstead);
      server.refuse = undefined;
    });
  });
});

const sample = z.looseObject({ kind: z.string(), metadata: z.looseObject({ name: z.string() }) });

interface ExpectedOfSample {
  readonly replicas: number;
  readonly accelerator: { readonly kind: string; readonly count: number } | undefined;
  /** What the edge sees where it is no server of language models. */
  readonly saysInstead: RegExp | undefined;
  readonly model?: string;
}

const GPU = { kind: 'nvidia.com/gpu', count: 1 };
const EXPECTED: Readonly<Record<string, ExpectedOfSample>> = {
  'huggingface-llama2': { replicas: 1, accelerator: GPU, saysInstead: undefined, model: 'llama2' },
  'qwen2-7b-instruct-single': {
    replicas: 3,
    accelerator: GPU,
    saysInstead: undefined,
    model: 'Qwen/Qwen2.5-7B-Instruct',
  },
  'qwen2-7b-instruct-nvidia': {
    replicas: 3,
    accelerator: GPU,
    saysInstead: undefined,
    model: 'Qwen/Qwen2.5-7B-Instruct',
  },
  'lora-multi-hf-test': { replicas: 1, accelerator: undefined, saysInstead: undefined, model: 'adapter-1' },
  'my-model': { replicas: 1, accelerator: undefined, saysInstead: /V1 protocol/ },
};

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

function parentOf(accepted: 'True' | 'False'): object {
  const one = (type: string) => ({
    type,
    status: accepted,
    reason: accepted === 'True' ? type : 'Invalid',
    message: '',
    lastTransitionTime: '2026-01-01T00:00:00Z',
  });
  return {
    parentRef: { group: 'gateway.networking.k8s.io', kind: 'Gateway', name: 'inference-gateway' },
    conditions: [one('Accepted'), one('ResolvedRefs')],
  };
}

function llmStatus(ready: 'True' | 'False', name: string, origin: string): object {
  const url = `${origin}/default/${name}`;
  return {
    url,
    addresses: [
      { name: 'gateway-internal', url: `http://10.0.0.9/default/${name}` },
      { name: 'gateway-external', url },
      { name: 'gateway-external-model-routing', url: origin },
    ],
    conditions: [
      ...conditionsOf('True', ['PresetsCombined', 'RouterReady']),
      ...conditionsOf(ready, ['WorkloadsReady', 'Ready']),
    ],
  };
}

function kserveStatus(url: string): object {
  return {
    url,
    address: { url },
    deploymentMode: 'Standard',
    components: { predictor: { url } },
    conditions: conditionsOf('True', ['IngressReady', 'PredictorReady', 'Ready']),
    modelStatus: {
      transitionStatus: 'UpToDate',
      states: { activeModelState: 'Loaded', targetModelState: 'Loaded' },
      copies: { failedCopies: 0, totalCopies: 1 },
    },
  };
}
