import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { endpointPickerOf } from '../../../sync-agent/inference/endpoint-picker.ts';
import { readEndpointSlice } from '../../../sync-agent/inference/endpoint-slice.ts';
import { endpointsOf } from '../../../sync-agent/inference/endpoints-of.ts';
import type { InferenceService } from '../../../sync-agent/inference/inference-service.ts';
import { normalizeInferenceService, serviceNamesOf } from '../../../sync-agent/inference/normalize-service.ts';
import { condition, type ForeignObject, inferenceService, raw, slice } from '../support/kserve-objects.ts';

const SERVICE = 'llama-predictor';
const KINDS = [
  ['serving.kserve.io/v1beta1', 'InferenceService'],
  ['serving.kserve.io/v1alpha2', 'LLMInferenceService'],
  ['inference.networking.k8s.io/v1', 'InferencePool'],
] as const;

/** Something of the form of `value`, in which any part may be something else altogether. */
function spoilt(value: unknown): fc.Arbitrary<unknown> {
  const part = Array.isArray(value)
    ? fc.tuple(...value.map(spoilt))
    : typeof value === 'object' && value !== null
      ? fc.record(Object.fromEntries(Object.entries(value).map(([key, part]) => [key, spoilt(part)])))
      : fc.constant(value);
  return fc.oneof({ arbitrary: part, weight: 9 }, { arbitrary: fc.jsonValue({ maxDepth: 2 }), weight: 1 });
}

const status = fc.constantFrom('True', 'False', 'Unknown');
const moment = fc.record({
  ready: status,
  isStopped: fc.boolean(),
  minReplicas: fc.integer({ min: 0, max: 3 }),
  scaler: fc.constantFrom('hpa', 'keda', 'external', 'none'),
  failed: fc.boolean(),
  uid: fc.constantFrom('a', 'b'),
  pods: fc.record({ ready: fc.nat(3), broken: fc.nat(3) }),
});
type Moment = typeof moment extends fc.Arbitrary<infer T> ? T : never;

function objectOf({ ready, isStopped, minReplicas, scaler, failed, uid }: Moment): ForeignObject {
  const annotations = {
    'serving.kserve.io/autoscalerClass': scaler,
    ...(isStopped && { 'serving.kserve.io/stop': 'true' }),
  };
  const base = raw(ready);
  const modelStatus = failed ? { transitionStatus: 'BlockedByFailedLoad' } : base.modelStatus;
  return inferenceService(
    { ...base, modelStatus },
    { metadata: { uid, annotations }, predictor: { minReplicas, maxReplicas: 5 } },
  );
}

function live(moments: readonly Moment[]): readonly InferenceService[] {
  let before: InferenceService | undefined;
  return moments.map((moment) => {
    before = normalizeInferenceService(objectOf(moment), [slice(SERVICE, moment.pods)], before);
    return before!;
  });
}

describe('what other projects write', () => {
  it('never throws, whatever it is', () => {
    fc.assert(
      fc.property(fc.anything(), (garbage) => {
        expect(serviceNamesOf(garbage)).toEqual([]);
        expect(normalizeInferenceService(garbage, [], undefined)).toBeUndefined();
        expect(endpointPickerOf(garbage)).toBeUndefined();
        expect(readEndpointSlice(garbage)).toBeUndefined();
      }),
    );
  });

  it('never throws where parts of it are not what they should be', () => {
    const object = inferenceService({
      ...raw('True'),
      addresses: [{ name: 'gateway-external', url: 'https://x.example.com/a' }],
      parents: [{ conditions: [condition('Accepted', 'True')] }],
      workloads: { primary: { readyReplicas: 1 } },
    });
    const pods = slice(SERVICE, { ready: 2 });
    fc.assert(
      fc.property(fc.constantFrom(...KINDS), spoilt(object.spec), spoilt(object.status), (kind, spec, status) => {
        const [apiVersion, name] = kind;
        const raw = { ...object, apiVersion, kind: name, spec, status };
        const service = normalizeInferenceService(raw, [pods], undefined);

        expect(service?.kind).toBe(name);
        expect(endpointsOf(raw, [pods]).length).toBeLessThanOrEqual(32);
        expect(service?.paths.length).toBeGreaterThan(0);
      }),
    );
  });

  it('is bounded: giants are read in no time', () => {
    const huge = Array.from({ length: 10_000 }, (_, i) => `--served-model-name=model-${i}`);
    const slices = Array.from({ length: 100 }, (_, i) =>
      slice(
        SERVICE,
        { ready: 0 },
        {
          endpoints: Array.from({ length: 100 }, (_, j) => ({
            address: `10.${i}.${j}.1`,
            targetName: `pod-${i}-${j}`,
            ready: true,
            serving: true,
            terminating: false,
          })),
        },
      ),
    );
    const object = inferenceService(raw('True', { message: 'x'.repeat(1_000_000) }), {
      predictor: { model: { args: huge } },
    });
    const service = normalizeInferenceService(object, slices, undefined);

    expect(service?.replicas.ready).toBe(10_000);
    expect(service?.modelNames).toHaveLength(100);
    expect(endpointsOf(object, slices)).toHaveLength(32);
  });
});

describe('a service that is not stopped', () => {
  it('is never unavailable while a pod is ready, and never ready or degraded while none is', () => {
    fc.assert(
      fc.property(fc.array(moment, { minLength: 1, maxLength: 8 }), (moments) => {
        const phases = live(moments).map(({ state: { phase } }, i) => ({ phase, pods: moments[i]!.pods.ready }));
        const running = phases.filter(({ phase }) => phase !== 'Stopped');
        const withPods = running.filter(({ pods }) => pods > 0).map(({ phase }) => phase);
        const without = running.filter(({ pods }) => pods === 0).map(({ phase }) => phase);

        expect(withPods).not.toContain('Unavailable');
        expect(withPods).not.toContain('ScaledToZero');
        expect(without).not.toContain('Ready');
        expect(without).not.toContain('Degraded');
      }),
    );
  });

  it('is not made pending again by anything but a stop or another object of its name', () => {
    fc.assert(
      fc.property(fc.array(moment, { minLength: 2, maxLength: 8 }), (moments) => {
        const calm = moments.map((moment) => ({
          ...moment,
          uid: 'a' as const,
          isStopped: false,
          scaler: 'hpa' as const,
        }));
        const phases = live(calm).map(({ state }) => state.phase);
        const first = phases.findIndex((phase) => phase !== 'Pending' && phase !== 'Failed');
        const admitted = first === -1 ? [] : phases.slice(first);

        expect(admitted).not.toContain('Pending');
        expect(admitted).not.toContain('Failed');
      }),
    );
  });

  it('is the same for the same facts, whatever order its slices come in', () => {
    fc.assert(
      fc.property(
        moment,
        fc.array(fc.record({ ready: fc.nat(3), broken: fc.nat(3) }), { maxLength: 4 }),
        (moment, pods) => {
          const slices = pods.map((pods, i) => ({
            ...slice(SERVICE, pods),
            endpoints: slice(SERVICE, pods).endpoints.map((endpoint) => ({
              ...endpoint,
              targetName: `${i}-${endpoint.targetName}`,
            })),
          }));
          expect(normalizeInferenceService(objectOf(moment), slices.toReversed(), undefined)).toEqual(
            normalizeInferenceService(objectOf(moment), slices, undefined),
          );
        },
      ),
    );
  });
});
