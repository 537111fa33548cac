import { describe, expect, it } from 'vitest';
import type { EndpointSliceFacts } from '../../../sync-agent/inference/endpoint-slice.ts';
import type { InferenceService } from '../../../sync-agent/inference/inference-service.ts';
import { normalizeInferenceService, serviceNamesOf } from '../../../sync-agent/inference/normalize-service.ts';
import { condition, slice, UID } from '../support/kserve-objects.ts';

const SERVICE = 'qwen-kserve-workload-svc';

function llm(status?: object, { spec = {}, metadata = {} }: { spec?: object; metadata?: object } = {}) {
  return {
    apiVersion: 'serving.kserve.io/v1alpha2',
    kind: 'LLMInferenceService',
    metadata: { name: 'qwen', namespace: 'team-a', uid: UID, ...metadata },
    spec: {
      model: { uri: 'hf://Qwen/Qwen2.5-7B-Instruct', name: 'Qwen/Qwen2.5-7B-Instruct' },
      replicas: 3,
      router: { scheduler: {}, route: {}, gateway: {} },
      template: { containers: [{ name: 'main', resources: { limits: { 'nvidia.com/gpu': '1' } } }] },
      ...spec,
    },
    ...(status && { status }),
  };
}

const routed = (ready: 'True' | 'False', workloads: 'True' | 'False' = ready, readyReplicas = 3) => ({
  url: 'http://203.0.113.7/team-a/qwen',
  addresses: [
    { name: 'gateway-internal', url: 'http://gateway.kserve.svc.cluster.local/team-a/qwen' },
    { name: 'gateway-external-model-routing', url: 'https://llm.example.com/' },
    { name: 'gateway-external', url: 'http://llm.example.com/team-a/qwen' },
    { name: 'gateway-external', url: 'https://llm.example.com/publishers/team-a/models/Qwen/Qwen2.5-7B-Instruct' },
    { name: 'gateway-external', url: 'https://llm.example.com/team-a/qwen' },
  ],
  conditions: [
    condition('PresetsCombined', 'True'),
    condition('WorkloadsReady', workloads, workloads === 'True' ? '' : 'MinimumReplicasUnavailable'),
    condition('RouterReady', 'True'),
    condition('Ready', ready, ready === 'True' ? '' : 'MinimumReplicasUnavailable'),
  ],
  workloads: { primary: { kind: 'Deployment', name: 'qwen-kserve', readyReplicas }, service: { name: SERVICE } },
});

/** Before its routes were accepted. */
const starting = {
  conditions: [
    condition('WorkloadsReady', 'False', 'Progressing'),
    condition('RouterReady', 'Unknown'),
    condition('Ready', 'False', 'Progressing', 'waiting for pods'),
  ],
};

function phasesOf(moments: readonly (readonly [unknown, readonly EndpointSliceFacts[]])[]): readonly string[] {
  let before: InferenceService | undefined;
  return moments.map(([object, slices]) => {
    before = normalizeInferenceService(object, slices, before);
    return `${before!.state.phase} ${before!.replicas.ready}/${before!.replicas.desired}`;
  });
}

describe('an LLMInferenceService, through its life', () => {
  it('is served from when it is ready until no pod of it is', () => {
    const stopped = { metadata: { annotations: { 'serving.kserve.io/stop': 'true' } } };

    expect(
      phasesOf([
        [llm(), []],
        [llm(starting), [slice(SERVICE, { ready: 1, broken: 2 })]],
        [llm(routed('True')), [slice(SERVICE, { ready: 3 })]],
        [llm(routed('False')), [slice(SERVICE, { ready: 2, broken: 1 })]],
        [llm(routed('False', 'False', 0)), [slice(SERVICE, { ready: 0, broken: 3 })]],
        [llm(routed('True')), [slice(SERVICE, { ready: 3 })]],
        [llm(routed('True'), stopped), [slice(SERVICE, { ready: 3 })]],
        [llm(starting), [slice(SERVICE, { ready: 0, broken: 3 })]],
        [llm(routed('True'), { spec: { replicas: 0 } }), [slice(SERVICE, { ready: 0 })]],
      ]),
    ).toEqual([
      'Pending 0/3',
      'Pending 1/3',
      'Ready 3/3',
      'Degraded 2/3',
      'Unavailable 0/3',
      'Ready 3/3',
      'Stopped 0/0',
      'Pending 0/3',
      'Stopped 0/0',
    ]);
  });

  it('stays served across a restart of the agent while its routes are accepted and a pod is ready', () => {
    expect(phasesOf([[llm(routed('False')), [slice(SERVICE, { ready: 2, broken: 1 })]]])).toEqual(['Degraded 2/3']);
    expect(phasesOf([[llm(starting), [slice(SERVICE, { ready: 2, broken: 1 })]]])).toEqual(['Pending 2/3']);
  });

  it('fails where its configuration is wrong and it never was ready', () => {
    const wrong = {
      conditions: [
        condition('PresetsCombined', 'False', 'ConfigNotFound', 'config gpu-large not found'),
        condition('Ready', 'False', 'ConfigNotFound', 'config gpu-large not found'),
      ],
    };

    expect(normalizeInferenceService(llm(wrong), [], undefined)?.state).toEqual({
      phase: 'Failed',
      message: 'config gpu-large not found',
    });
  });

  it('sleeps where KEDA may take its last replica', () => {
    const spec = { replicas: undefined, scaling: { minReplicas: 2, maxReplicas: 4, keda: { idleReplicaCount: 0 } } };

    expect(phasesOf([[llm(routed('True'), { spec }), [slice(SERVICE, { ready: 0 })]]])).toEqual(['ScaledToZero 0/0']);
  });

  it('counts the ready replicas of its status where no slices can be read', () => {
    expect(phasesOf([[llm(routed('False', 'False', 2)), []]])).toEqual(['Degraded 2/3']);
  });

  it('does not count the pods of the prefill phase, which answer nobody', () => {
    const decode = slice(SERVICE, { ready: 1, broken: 2 });
    const prefill = {
      ...decode,
      endpoints: decode.endpoints.map((endpoint, i) => ({
        ...endpoint,
        address: `10.0.1.${i}`,
        ready: true,
        targetName: `qwen-kserve-prefill-6d5f-${i}`,
      })),
    };

    expect(phasesOf([[llm(routed('False')), [decode, prefill]]])).toEqual(['Degraded 1/3']);
  });

  it('is read whole: by its public address with the shortest path, and by every name that it answers to', () => {
    const lora = { adapters: [{ name: 'legal', uri: 'hf://x/legal' }, { uri: 'hf://nameless' }] };
    const object = llm(routed('True'), { spec: { model: { name: 'qwen-7b', lora } } });

    expect(normalizeInferenceService(object, [slice(SERVICE, { ready: 3 })], undefined)).toMatchInlineSnapshot(`
      {
        "accelerator": {
          "count": 1,
          "kind": "nvidia.com/gpu",
        },
        "kind": "LLMInferenceService",
        "metadata": {
          "annotations": {},
          "labels": {},
          "name": "qwen",
          "namespace": "team-a",
          "uid": "7f2d1c9e-0000-4000-8000-000000000001",
        },
        "modelNames": [
          "qwen-7b",
          "legal",
          "publishers/team-a/models/qwen-7b",
          "publishers/team-a/models/legal",
        ],
        "origin": "https://llm.example.com",
        "paths": [
          "/team-a/qwen/v1",
        ],
        "replicas": {
          "desired": 3,
          "ready": 3,
        },
        "revisions": [
          "qwen-kserve-workload-svc",
        ],
        "state": {
          "message": "",
          "phase": "Ready",
        },
        "traffic": [],
      }
    `);
  });

  it('reads the same in the version that came before', () => {
    const object = llm(routed('True'));

    expect(normalizeInferenceService({ ...object, apiVersion: 'serving.kserve.io/v1alpha1' }, [], undefined)).toEqual(
      normalizeInferenceService(object, [], undefined),
    );
  });

  it('has what its URL says where it has no public address', () => {
    const { url, addresses: _, ...rest } = routed('True');

    expect(normalizeInferenceService(llm({ ...rest, url }), [], undefined)).toMatchObject({
      origin: 'http://203.0.113.7',
      paths: ['/team-a/qwen/v1'],
    });
  });

  it('counts the accelerators of all nodes of a replica', () => {
    const gpus = (count: number) => ({ containers: [{ resources: { limits: { 'nvidia.com/gpu': count } } }] });
    const countOf = (spec: object) =>
      normalizeInferenceService(llm(undefined, { spec }), [], undefined)?.accelerator?.count;

    expect(countOf({ template: gpus(8), worker: gpus(8), parallelism: { pipeline: 2 } })).toBe(16);
    expect(countOf({ template: gpus(8), worker: gpus(8), parallelism: { data: 16, dataLocal: 8 } })).toBe(16);
    expect(countOf({ template: undefined, worker: gpus(8), parallelism: { pipeline: 4 } })).toBe(32);
    expect(countOf({ template: gpus(4) })).toBe(4);
  });

  it('has a Service whose name is cut as KServe cuts it', () => {
    const name = 'a'.repeat(60);

    expect(serviceNamesOf(llm(undefined, { metadata: { name } }))).toEqual([
      `${'a'.repeat(11)}cc7ed669cf88f201c3297c6a91e1d18d-kserve-workload-svc`,
    ]);
  });
});
