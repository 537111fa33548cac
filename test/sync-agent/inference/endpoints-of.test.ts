import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { endpointsOf } from '../../../sync-agent/inference/endpoints-of.ts';
import { inferenceService, raw, slice } from '../support/kserve-objects.ts';

const SERVICE = 'llama-predictor';
const object = inferenceService(raw('True'));
const portsOf = (object: unknown, ports: readonly { name: string; port: number }[], service = SERVICE) =>
  endpointsOf(object, [slice(service, { ready: 1 }, { ports })]).map(({ port, tls }) => `${port}${tls ? ' tls' : ''}`);

describe('where the pods of an inference service answer', () => {
  it('is told of 32 of them, the ready ones first, whatever order the slices come in', () => {
    const slices = Array.from({ length: 50 }, (_, i) => ({
      ...slice(SERVICE, { ready: i % 2, broken: 1 }),
      endpoints: slice(SERVICE, { ready: i % 2, broken: 1 }).endpoints.map((endpoint, j) => ({
        ...endpoint,
        address: `10.1.${i}.${j}`,
        targetName: `pod-${i}-${j}`,
      })),
    }));
    const expected = endpointsOf(object, slices);

    expect(expected).toHaveLength(32);
    expect(expected.slice(0, 25).every(({ ready }) => ready)).toBe(true);
    fc.assert(
      fc.property(fc.shuffledSubarray(slices, { minLength: slices.length }), (shuffled) => {
        expect(endpointsOf(object, shuffled)).toEqual(expected);
      }),
    );
  });

  it('is the port that serves, or else the one where the metrics are', () => {
    const metadata = { annotations: { 'prometheus.kserve.io/port': '9400' } };

    expect(portsOf(object, [{ name: '', port: 8080 }])).toEqual(['8080']);
    expect(
      portsOf(object, [
        { name: 'h2c', port: 9000 },
        { name: 'llama-predictor', port: 8081 },
      ]),
    ).toEqual(['8081']);
    expect(
      portsOf(object, [
        { name: 'metrics', port: 9090 },
        { name: 'https', port: 8443 },
      ]),
    ).toEqual(['8443 tls']);
    expect(portsOf(object, [{ name: 'grpc', port: 9000 }])).toEqual([]);
    expect(portsOf(inferenceService(raw('True'), { metadata }), [{ name: 'http', port: 8080 }])).toEqual(['9400']);
    const triton = { predictor: { model: undefined, triton: {} } };
    expect(portsOf(inferenceService(raw('True'), triton), [{ name: 'http', port: 8080 }])).toEqual(['8002']);
  });

  it('passes by Knative’s queue proxy, to which every question is traffic', () => {
    const status = {
      ...raw('True'),
      deploymentMode: 'Serverless',
      components: { predictor: { latestReadyRevision: 'llama-predictor-00001' } },
    };
    const ofPods = 'llama-predictor-00001-private';

    expect(portsOf(inferenceService(status), [{ name: 'http', port: 8012 }], ofPods)).toEqual(['8080']);
    const predictor = { model: { ports: [{ containerPort: 8000 }] } };
    expect(portsOf(inferenceService(status, { predictor }), [{ name: 'http', port: 8012 }], ofPods)).toEqual(['8000']);
  });

  it('is never a host name, which anybody may write into a slice', () => {
    const named = { ready: true, serving: true, terminating: false };
    const endpoints = ['metadata.internal', 'fd00::1', '10.0.0.1'].map((address) => ({ address, ...named }));

    expect(endpointsOf(object, [slice(SERVICE, { ready: 0 }, { endpoints })]).map(({ address }) => address)).toEqual([
      '10.0.0.1',
      'fd00::1',
    ]);
  });

  it('is nowhere for a service that is stopped, and for what is none', () => {
    const metadata = { annotations: { 'serving.kserve.io/stop': 'true' } };

    expect(endpointsOf(inferenceService(raw('True'), { metadata }), [slice(SERVICE, { ready: 1 })])).toEqual([]);
    expect(endpointsOf({ kind: 'Pod' }, [slice(SERVICE, { ready: 1 })])).toEqual([]);
  });
});
