import { describe, expect, it } from 'vitest';
import type { EndpointSliceFacts } from '../../../sync-agent/inference/endpoint-slice.ts';
import type { InferenceService } from '../../../sync-agent/inference/inference-service.ts';
import { normalizeInferenceService } from '../../../sync-agent/inference/normalize-service.ts';
import { condition, type ForeignObject, inferenceService, raw, rawPending, slice } from '../support/kserve-objects.ts';

/** Phase after each of some moments, each remembering the one before, as one process sees them. */
function phasesOf(moments: readonly (readonly [ForeignObject, readonly EndpointSliceFacts[]])[]): readonly string[] {
  let before: InferenceService | undefined;
  return moments.map(([object, slices]) => {
    before = normalizeInferenceService(object, slices, before);
    const { phase } = before!.state;
    const { ready, desired } = before!.replicas;
    return `${phase} ${ready}/${desired}`;
  });
}

/** What a process sees that has just begun. */
const atFirstSight = (object: ForeignObject, slices: readonly EndpointSliceFacts[]) => phasesOf([[object, slices]])[0];

const SERVICE = 'llama-predictor';
const NOT_ENOUGH = 'Deployment does not have minimum availability.';
const dying = raw('False', { message: NOT_ENOUGH, totalCopies: 2 });

describe('an InferenceService, through its life', () => {
  it('is served from when it is ready until no pod of it is', () => {
    const phases = phasesOf([
      [inferenceService(), []],
      [inferenceService(rawPending()), [slice(SERVICE, { ready: 0, broken: 3 })]],
      [inferenceService(rawPending('Loading')), [slice(SERVICE, { ready: 1, broken: 2 })]],
      [inferenceService(raw('True')), [slice(SERVICE, { ready: 3 })]],
      [inferenceService(dying), [slice(SERVICE, { ready: 2, broken: 1 })]],
      [inferenceService(raw('False', { totalCopies: 0 })), [slice(SERVICE, { ready: 0, broken: 3 })]],
      [inferenceService(raw('False', { totalCopies: 1 })), [slice(SERVICE, { ready: 1, broken: 2 })]],
      [inferenceService(raw('True')), [slice(SERVICE, { ready: 3 })]],
    ]);

    expect(phases).toEqual([
      'Pending 0/3',
      'Pending 0/3',
      'Pending 1/3',
      'Ready 3/3',
      'Degraded 2/3',
      'Unavailable 0/3',
      'Degraded 1/3',
      'Ready 3/3',
    ]);
  });

  it('has not been ready for whoever sees only that its URL is known, and has been where its predictor has one', () => {
    const pods = [slice(SERVICE, { ready: 2, broken: 1 })];

    expect(atFirstSight(inferenceService(rawPending()), pods)).toBe('Pending 2/3');
    expect(atFirstSight(inferenceService(dying), pods)).toBe('Degraded 2/3');
  });

  it('fails where its model cannot be loaded and never could, and says why without quoting a container', () => {
    const lastFailureInfo = { reason: 'ModelLoadFailed', message: 'token hf_secret was refused', exitCode: 1 };
    const object = inferenceService(rawPending('FailedToLoad', { lastFailureInfo }));

    expect(normalizeInferenceService(object, [slice(SERVICE, { ready: 0, broken: 3 })], undefined)?.state).toEqual({
      phase: 'Failed',
      message: `ModelLoadFailed: ${NOT_ENOUGH}`,
    });
  });

  it('goes on, degraded, where a later model cannot be loaded and pods of the one before are ready', () => {
    const failing = { ...rawPending('FailedToLoad'), components: raw('False').components };

    expect(
      phasesOf([
        [inferenceService(raw('True')), [slice(SERVICE, { ready: 3 })]],
        [inferenceService(failing), [slice(SERVICE, { ready: 2, broken: 1 })]],
      ]),
    ).toEqual(['Ready 3/3', 'Degraded 2/3']);
  });

  it('is stopped by its annotation at once, whatever its pods do, and begins anew when it is started', () => {
    const stopped = { metadata: { annotations: { 'serving.kserve.io/stop': 'TRUE' } } };
    const cleared = { conditions: [condition('Ready', 'False', 'Stopped'), condition('Stopped', 'True')] };

    expect(
      phasesOf([
        [inferenceService(raw('True')), [slice(SERVICE, { ready: 3 })]],
        [inferenceService(raw('True'), stopped), [slice(SERVICE, { ready: 3 })]],
        [inferenceService(cleared, stopped), []],
        [inferenceService(cleared), [slice(SERVICE, { ready: 1, broken: 2 })]],
        [inferenceService(raw('True')), [slice(SERVICE, { ready: 3 })]],
      ]),
    ).toEqual(['Ready 3/3', 'Stopped 0/0', 'Stopped 0/0', 'Pending 1/3', 'Ready 3/3']);
  });

  it('leaves as soon as it is being deleted', () => {
    const deleted = { metadata: { deletionTimestamp: '2026-11-01T01:00:00Z' } };

    expect(normalizeInferenceService(inferenceService(raw('True'), deleted), [], undefined)?.state).toEqual({
      phase: 'Stopped',
      message: 'It is being deleted.',
    });
  });

  it('is another one when it is made again under its name', () => {
    const again = { metadata: { uid: 'another' } };

    expect(
      phasesOf([
        [inferenceService(raw('True')), [slice(SERVICE, { ready: 3 })]],
        [inferenceService(rawPending(), again), [slice(SERVICE, { ready: 2, broken: 1 })]],
      ]),
    ).toEqual(['Ready 3/3', 'Pending 2/3']);
  });

  it('tells that its specification changed, for its models may be others then', () => {
    const changed = inferenceService(raw('True'), { metadata: { generation: 2 } });

    expect(normalizeInferenceService(changed, [], undefined)?.metadata.generation).toBe(2);
  });

  it('is equal to what it was when its controller merely touched it', () => {
    const slices = [slice(SERVICE, { ready: 3 })];
    const first = normalizeInferenceService(inferenceService(raw('True')), slices, undefined);
    const touched = { metadata: { resourceVersion: '99', generation: 1, annotations: { note: 'new' } } };

    expect(normalizeInferenceService(inferenceService(raw('True'), touched), slices, first)).toEqual(first);
  });

  it('is read whole', () => {
    expect(normalizeInferenceService(inferenceService(raw('True')), [slice(SERVICE, { ready: 3 })], undefined))
      .toMatchInlineSnapshot(`
        {
          "accelerator": {
            "count": 1,
            "kind": "nvidia.com/gpu",
          },
          "kind": "InferenceService",
          "metadata": {
            "annotations": {},
            "creationTimestamp": "2026-11-01T00:00:00Z",
            "generation": 1,
            "labels": {
              "tier": "gold",
            },
            "name": "llama",
            "namespace": "team-a",
            "uid": "7f2d1c9e-0000-4000-8000-000000000001",
          },
          "modelNames": [
            "llama-3",
          ],
          "origin": "http://llama-team-a.gpu.example.com",
          "paths": [
            "/openai/v1",
            "/v1",
          ],
          "replicas": {
            "desired": 3,
            "ready": 3,
          },
          "revisions": [
            "llama-predictor",
          ],
          "state": {
            "message": "",
            "phase": "Ready",
          },
          "traffic": [],
        }
      `);
  });
});

describe('an InferenceService that may have no replicas', () => {
  const keda = {
    metadata: { annotations: { 'serving.kserve.io/autoscalerClass': 'keda' } },
    predictor: { minReplicas: 0, maxReplicas: 3 },
  };
  const asleep = raw('True', { totalCopies: 0 });
  // One replica that is not ready yet: its Deployment is not available.
  const waking = raw('False', { totalCopies: 0, message: NOT_ENOUGH });

  it('sleeps when it has no pods, wakes without leaving, and is broken only where it says so', () => {
    expect(
      phasesOf([
        [inferenceService(raw('True'), keda), [slice(SERVICE, { ready: 1 })]],
        [inferenceService(asleep, keda), [slice(SERVICE, { ready: 0, terminating: 1 })]],
        [inferenceService(asleep, keda), [slice(SERVICE, { ready: 0 })]],
        [inferenceService(waking, keda), [slice(SERVICE, { ready: 0, broken: 1 })]],
        [inferenceService(raw('True', { totalCopies: 1 }), keda), [slice(SERVICE, { ready: 1 })]],
        [inferenceService(waking, keda), [slice(SERVICE, { ready: 0, broken: 1 })]],
      ]),
    ).toEqual([
      'Ready 1/1',
      'ScaledToZero 0/0',
      'ScaledToZero 0/0',
      'ScaledToZero 0/1',
      'Ready 1/1',
      'Unavailable 0/1',
    ]);
  });

  it('is unavailable when its model can no longer be loaded', () => {
    const broken = { ...rawPending('FailedToLoad'), components: raw('False').components };

    expect(
      phasesOf([
        [inferenceService(asleep, keda), [slice(SERVICE, { ready: 0 })]],
        [inferenceService(broken, keda), [slice(SERVICE, { ready: 0, broken: 1 })]],
      ]),
    ).toEqual(['ScaledToZero 0/0', 'Unavailable 0/1']);
  });

  it('does not sleep under the autoscaler of Kubernetes, which keeps one', () => {
    const hpa = { predictor: { minReplicas: 0, maxReplicas: 3 } };

    expect(atFirstSight(inferenceService(asleep, hpa), [slice(SERVICE, { ready: 0 })])).toBe('Unavailable 0/1');
  });

  it('is stopped where nothing scales it', () => {
    const none = {
      metadata: { annotations: { 'serving.kserve.io/autoscalerClass': 'none' } },
      predictor: { minReplicas: 0 },
    };

    expect(atFirstSight(inferenceService(asleep, none), [slice(SERVICE, { ready: 0 })])).toBe('Stopped 0/0');
  });
});

describe('an InferenceService under Knative', () => {
  const revision = (latestReady: string, latestCreated: string, shares: Readonly<Record<string, number>>) => ({
    url: 'https://llama.team-a.gpu.example.com',
    latestReadyRevision: latestReady,
    latestCreatedRevision: latestCreated,
    traffic: Object.entries(shares).map(([revisionName, percent]) => ({
      revisionName,
      percent,
      latestRevision: false,
    })),
  });
  const status = (ready: 'True' | 'False', predictor: object, more: object = {}) => ({
    ...raw(ready),
    deploymentMode: 'Knative',
    url: 'https://llama.team-a.gpu.example.com',
    components: { predictor },
    ...more,
  });
  const zero = { predictor: { minReplicas: 0, maxReplicas: 3 } };
  const FIRST = 'llama-predictor-00001';
  const SECOND = 'llama-predictor-00002';

  it('counts the pods of every revision that has traffic, and tells the shares', () => {
    const object = inferenceService(status('True', revision(SECOND, SECOND, { [FIRST]: 90, [SECOND]: 10 })));
    const slices = [slice(`${FIRST}-private`, { ready: 2 }), slice(`${SECOND}-private`, { ready: 1 })];
    const service = normalizeInferenceService(object, slices, undefined);

    expect(service?.state.phase).toBe('Ready');
    expect(service?.replicas).toEqual({ ready: 3, desired: 3 });
    expect(service?.traffic).toEqual([
      { revision: FIRST, percent: 90 },
      { revision: SECOND, percent: 10 },
    ]);
  });

  it('goes on with the revision that serves where a new one fails', () => {
    const failing = status('False', revision(FIRST, SECOND, { [FIRST]: 100 }), {
      modelStatus: { transitionStatus: 'BlockedByFailedLoad', copies: { failedCopies: 1 } },
      conditions: [condition('Ready', 'False', 'RevisionFailed'), condition('PredictorRouteReady', 'True')],
    });

    expect(atFirstSight(inferenceService(failing), [slice(`${FIRST}-private`, { ready: 3 })])).toBe('Degraded 3/3');
    // Slices may not be there to be read: then the route's word counts.
    expect(atFirstSight(inferenceService(failing), [])).toBe('Degraded 1/3');
  });

  it('sleeps, and wakes while its first pod is not ready', () => {
    const object = inferenceService(status('True', revision(FIRST, FIRST, { [FIRST]: 100 })), zero);

    expect(atFirstSight(object, [slice(`${FIRST}-private`, { ready: 0 })])).toBe('ScaledToZero 0/0');
    expect(atFirstSight(object, [slice(`${FIRST}-private`, { ready: 0, broken: 1 })])).toBe('ScaledToZero 0/1');
  });

  it('is unavailable without a ready pod where it must have one', () => {
    const object = inferenceService(status('True', revision(FIRST, FIRST, { [FIRST]: 100 })), {
      predictor: { minReplicas: 1 },
    });

    expect(atFirstSight(object, [slice(`${FIRST}-private`, { ready: 0, broken: 1 })])).toBe('Unavailable 0/1');
  });
});

describe('an InferenceService of whose pods nothing can be read', () => {
  it('is taken by its word, and by the copies that it counts', () => {
    expect(atFirstSight(inferenceService(raw('True')), [])).toBe('Ready 3/3');
    expect(atFirstSight(inferenceService(dying), [])).toBe('Degraded 2/3');
    expect(atFirstSight(inferenceService(raw('False', { totalCopies: 0 })), [])).toBe('Unavailable 0/3');
    const { modelStatus: _, ...unknown } = raw('True');
    expect(atFirstSight(inferenceService(unknown), [])).toBe('Ready 1/3');
  });
});
