import { describe, expect, it } from 'vitest';
import { endpointPickerOf } from '../../../sync-agent/inference/endpoint-picker.ts';
import { normalizeInferenceService, serviceNamesOf } from '../../../sync-agent/inference/normalize-service.ts';
import { condition, slice, UID } from '../support/kserve-objects.ts';

function pool(parents: readonly object[] = [], metadata: object = {}) {
  return {
    apiVersion: 'inference.networking.k8s.io/v1',
    kind: 'InferencePool',
    metadata: { name: 'qwen-pool', namespace: 'team-a', uid: UID, ...metadata },
    spec: {
      selector: { matchLabels: { app: 'qwen' } },
      targetPorts: [{ number: 8000 }],
      endpointPickerRef: { name: 'qwen-epp', port: { number: 9002 } },
    },
    status: { parents },
  };
}

const parent = (accepted: 'True' | 'False' | 'Unknown', resolved: 'True' | 'False', message = '') => ({
  parentRef: { kind: 'Gateway', name: 'inference-gateway' },
  conditions: [condition('Accepted', accepted, 'Accepted'), condition('ResolvedRefs', resolved, 'Refs', message)],
});
const waiting = {
  parentRef: { kind: 'Status', name: 'default' },
  conditions: [condition('Accepted', 'Unknown', 'Pending')],
};
const ownedByKServe = {
  ownerReferences: [{ apiVersion: 'serving.kserve.io/v1alpha2', kind: 'LLMInferenceService', name: 'qwen', uid: 'u' }],
};

const stateOf = (object: unknown) => normalizeInferenceService(object, [], undefined)?.state;

describe('an InferencePool, through its life', () => {
  it('waits for a gateway, is ready when one takes it, and says what a gateway has against it', () => {
    expect(stateOf(pool())?.phase).toBe('Pending');
    expect(stateOf(pool([waiting]))?.phase).toBe('Pending');
    expect(stateOf(pool([waiting, parent('True', 'True')]))).toEqual({ phase: 'Ready', message: '' });
    expect(stateOf(pool([parent('True', 'False', 'no Service qwen-epp')]))).toEqual({
      phase: 'Pending',
      message: 'no Service qwen-epp',
    });
    expect(stateOf(pool([parent('True', 'True')], { deletionTimestamp: '2026-11-01T00:00:00Z' }))?.phase).toBe(
      'Stopped',
    );
  });

  it('is unavailable when its gateway no longer takes it', () => {
    const before = normalizeInferenceService(pool([parent('True', 'True')]), [], undefined);

    expect(normalizeInferenceService(pool([parent('False', 'True')]), [], before)?.state.phase).toBe('Unavailable');
    const again = pool([parent('False', 'True')], { uid: 'another' });
    expect(normalizeInferenceService(again, [], before)?.state.phase).toBe('Pending');
  });

  it('has no address, no names and no number of replicas of its own', () => {
    expect(normalizeInferenceService(pool([parent('True', 'True')]), [], undefined)).toMatchInlineSnapshot(`
      {
        "accelerator": undefined,
        "kind": "InferencePool",
        "metadata": {
          "annotations": {},
          "labels": {},
          "name": "qwen-pool",
          "namespace": "team-a",
          "uid": "7f2d1c9e-0000-4000-8000-000000000001",
        },
        "modelNames": [],
        "origin": undefined,
        "paths": [
          "/v1",
        ],
        "replicas": {
          "desired": undefined,
          "ready": 1,
        },
        "revisions": [],
        "state": {
          "message": "",
          "phase": "Ready",
        },
        "traffic": [],
      }
    `);
    expect(serviceNamesOf(pool())).toEqual([]);
  });

  it('has the pods of the LLMInferenceService that it was made for', () => {
    const object = pool([parent('True', 'True')], ownedByKServe);
    const slices = [slice('qwen-kserve-workload-svc', { ready: 2, broken: 1 })];

    expect(serviceNamesOf(object)).toEqual(['qwen-kserve-workload-svc']);
    expect(normalizeInferenceService(object, slices, undefined)?.replicas).toEqual({ ready: 2, desired: 3 });
    expect(
      normalizeInferenceService(object, [slice('qwen-kserve-workload-svc', { ready: 0, broken: 3 })], undefined)?.state
        .phase,
    ).toBe('Unavailable');
  });

  it('names its endpoint picker, where that is a Service', () => {
    expect(endpointPickerOf(pool())).toEqual({ namespace: 'team-a', service: 'qwen-epp', pool: 'qwen-pool' });
    const { spec, ...rest } = pool();
    const other = { ...spec, endpointPickerRef: { group: 'example.com', kind: 'Picker', name: 'x' } };
    expect(endpointPickerOf({ ...rest, spec: other })).toBeUndefined();
    expect(endpointPickerOf({ ...rest, spec: { endpointPickerRef: { name: 'a.b/c' } } })).toBeUndefined();
  });
});
