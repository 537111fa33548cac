import { describe, expect, it } from 'vitest';
import { signalReport } from '../../../contract/signals.ts';
import type { RoutedService } from '../../../sync-agent/compile/compilation.ts';
import type { InferenceState } from '../../../sync-agent/inference/inference-service.ts';
import { makeSignals } from '../../../sync-agent/signals/make-signals.ts';

function service(name: string, phase: InferenceState['phase'], more: Partial<RoutedService> = {}): RoutedService {
  return {
    service: `InferenceService/team-a/${name}`,
    provider: `team-a/${name}..inferenceservice-00000000`,
    state: { phase, message: '' },
    replicas: { ready: 2, desired: 3 },
    accelerator: { kind: 'nvidia.com/gpu', count: 2 },
    url: undefined,
    ...more,
  };
}

const pool = (more: Partial<RoutedService> = {}) =>
  service('p', 'Ready', {
    service: 'InferencePool/team-a/p',
    replicas: { ready: 1, desired: undefined },
    accelerator: undefined,
    ...more,
  });

describe('what the edge is told of an inference service', () => {
  it('is its readiness, what it computes on, and its load where that is known', () => {
    const loads = new Map([['InferenceService/team-a/a', { waiting: 10 / 3, cacheUse: 0.123456 }]]);

    expect(makeSignals([service('b', 'Degraded'), service('a', 'Ready')], loads)).toEqual([
      {
        provider: 'team-a/a..inferenceservice-00000000',
        ready: 2,
        desired: 3,
        accelerator: { kind: 'nvidia.com/gpu', count: 2 },
        waiting: 3.3,
        cacheUse: 0.123,
      },
      {
        provider: 'team-a/b..inferenceservice-00000000',
        ready: 2,
        desired: 3,
        accelerator: { kind: 'nvidia.com/gpu', count: 2 },
      },
    ]);
  });

  it('is that it sleeps, or that none of it is ready any more, but nothing of what was never served', () => {
    const none = { replicas: { ready: 0, desired: 0 }, accelerator: undefined };
    const services = [
      service('a', 'ScaledToZero', none),
      service('b', 'Unavailable', none),
      service('c', 'Stopped', none),
      service('d', 'Pending'),
      service('e', 'Failed'),
    ];

    expect(
      makeSignals(services, new Map()).map(({ provider, ready, cold }) => [provider.slice(7, 8), ready, cold]),
    ).toEqual([
      ['a', 0, true],
      ['b', 0, undefined],
      ['c', 0, undefined],
    ]);
  });

  it('is nothing for a pool whose endpoints nobody counts, but what its picker says', () => {
    expect(makeSignals([pool()], new Map())).toEqual([]);
    expect(makeSignals([pool()], new Map([['InferencePool/team-a/p', { ready: 4, waiting: 8 }]]))).toEqual([
      { provider: 'team-a/p..inferenceservice-00000000', ready: 4, waiting: 8 },
    ]);
    expect(makeSignals([pool({ replicas: { ready: 2, desired: 3 } })], new Map())).toMatchObject([{ ready: 2 }]);
    expect(
      makeSignals(
        [pool({ state: { phase: 'Unavailable', message: '' }, replicas: { ready: 0, desired: undefined } })],
        new Map(),
      ),
    ).toMatchObject([{ ready: 0 }]);
  });

  it('is said once for each provider, and fits into a report', () => {
    const many = Array.from({ length: 1_200 }, (_, i) => service(`s${i}`, 'Ready'));
    const signals = [...makeSignals([...many, ...many], new Map())];

    expect(signals).toHaveLength(1_000);
    expect(signalReport.parse({ ttlMs: 15_000, signals }).signals).toHaveLength(1_000);
  });
});
