import { describe, expect, it } from 'vitest';
import { readEndpointSlice } from '../../../sync-agent/inference/endpoint-slice.ts';
import { podsOf } from '../../../sync-agent/inference/pods.ts';
import { slice } from '../support/kserve-objects.ts';

const RAW = {
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: {
    name: 'llama-predictor-x1',
    namespace: 'team-a',
    labels: { 'kubernetes.io/service-name': 'llama-predictor', tier: 'gold' },
  },
  addressType: 'IPv4',
  endpoints: [
    {
      addresses: ['10.0.0.1'],
      conditions: { ready: true, serving: true, terminating: false },
      targetRef: { kind: 'Pod', name: 'llama-predictor-1' },
    },
    { addresses: ['10.0.0.2'], conditions: { ready: false, serving: true, terminating: true } },
    { addresses: ['10.0.0.3'], conditions: {} },
    { addresses: ['10.0.0.4'], conditions: { ready: null } },
  ],
  ports: [{ name: 'http', port: 8080, protocol: 'TCP' }, { port: 8012 }],
};

describe('an EndpointSlice', () => {
  it('is read with what its conditions mean where they are absent', () => {
    expect(readEndpointSlice(RAW)).toEqual({
      namespace: 'team-a',
      service: 'llama-predictor',
      labels: { 'kubernetes.io/service-name': 'llama-predictor', tier: 'gold' },
      endpoints: [
        { address: '10.0.0.1', ready: true, serving: true, terminating: false, targetName: 'llama-predictor-1' },
        { address: '10.0.0.2', ready: false, serving: true, terminating: true },
        { address: '10.0.0.3', ready: true, serving: true, terminating: false },
        { address: '10.0.0.4', ready: true, serving: true, terminating: false },
      ],
      ports: [
        { name: 'http', port: 8080 },
        { name: '', port: 8012 },
      ],
    });
  });

  it('has no endpoints where its Service has no pods', () => {
    expect(readEndpointSlice({ ...RAW, endpoints: null, ports: null })).toMatchObject({ endpoints: [], ports: [] });
  });

  it('is none where it belongs to no Service', () => {
    expect(readEndpointSlice({ ...RAW, metadata: { namespace: 'team-a', labels: {} } })).toBeUndefined();
    expect(readEndpointSlice({ ...RAW, metadata: null })).toBeUndefined();
  });

  it('loses only what of it is not of the form', () => {
    const endpoints = [{ addresses: [] }, null, { addresses: ['10.0.0.9'], conditions: 7, targetRef: 'x' }];

    expect(readEndpointSlice({ ...RAW, endpoints, ports: [{ port: 0 }, { port: 80 }] })).toMatchObject({
      endpoints: [{ address: '10.0.0.9', ready: true }],
      ports: [{ port: 80 }],
    });
  });
});

describe('the pods behind a Service', () => {
  it('are counted once, though a slice for each address family holds them, and slices overlap while they are rewritten', () => {
    const four = slice('llama-predictor', { ready: 2, broken: 1 });
    const six = {
      ...four,
      endpoints: four.endpoints.map((endpoint, i) => ({ ...endpoint, address: `fd00::${i + 1}` })),
    };
    const older = { ...four, endpoints: four.endpoints.map((endpoint) => ({ ...endpoint, ready: false })) };

    expect(podsOf([six, older, four]).map(({ address, ready }) => `${address} ${ready}`)).toEqual([
      '10.0.0.1 true',
      '10.0.0.2 true',
      '10.0.0.3 false',
    ]);
  });
});
