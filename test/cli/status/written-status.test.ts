import { describe, expect, test } from 'vitest';
import { staleStatuses, writtenByAgent } from '../../../cli/status/written-status.ts';
import type { Condition } from '../../../sync-agent/compile/compilation.ts';
import type { ResourceKey } from '../../../sync-agent/snapshot.ts';
import type { StoredObject } from '../../../sync-agent/source/source.ts';
import { EDGE, edgeGateway, model, provider, route } from '../../support/resource-builders.ts';

const SINCE = '2026-05-01T00:00:00Z';

const programmed = (status: 'True' | 'False', observedGeneration = 1) => ({
  type: 'Programmed',
  status,
  reason: status === 'True' ? 'Programmed' : 'Pending',
  message: 'said',
  observedGeneration,
  lastTransitionTime: SINCE,
});

const said = (status: 'True' | 'False'): Condition => ({
  type: 'Programmed',
  status,
  reason: status === 'True' ? 'Programmed' : 'Pending',
  message: '',
});

function stored(status: unknown, generation = 1): StoredObject {
  return { uid: 'u', resourceVersion: '1', generation, isDeleting: false, status };
}

const onEdge = (...conditions: object[]) => ({
  conditions,
  parents: [{ parentRef: { namespace: 'infra', name: 'edge' }, controllerName: 'fairlead.dev/sync-agent', conditions }],
});

function stale(key: ResourceKey, object: StoredObject, condition: Condition) {
  return staleStatuses(EDGE, new Map([[key, condition]]), () => object);
}

describe('a status in the API server, against what the edge says', () => {
  test.each([
    ['says the same', 'AIModel/team/model', stored(onEdge(programmed('True'))), 'True'],
    [
      'says the same of the edge itself',
      'EdgeGateway/infra/edge',
      stored({ conditions: [programmed('True')] }),
      'True',
    ],
    ['says another reason why not', 'AIModel/team/model', stored(onEdge(programmed('False'))), 'False'],
  ] as const)('that %s is not stale', (_what, key, object, status) => {
    expect(stale(key, object, said(status))).toEqual([]);
  });

  test.each([
    ['was never written', stored(undefined), 'says nothing of this edge: no agent has written any'],
    [
      'speaks of another edge only',
      stored({ ...onEdge(programmed('True')), parents: [] }),
      'says nothing of this edge',
    ],
    ['is of an older generation', stored(onEdge(programmed('True', 3)), 4), 'of generation 3: the resource is at 4'],
    [
      'says the opposite',
      stored(onEdge(programmed('False'))),
      `Programmed=False Pending since ${SINCE}, and the edge says Programmed=True`,
    ],
  ])('that %s is stale', (_what, object, sentence) => {
    expect(stale('AIModel/team/model', object, said('True'))).toEqual([
      { resource: 'AIModel/team/model', sentence: expect.stringContaining(sentence) },
    ]);
  });
});

describe('what agents wrote, where the edge cannot be asked', () => {
  const objects = new Map([
    ['EdgeGateway/infra/edge', stored({ conditions: [programmed('True')] })],
    ['AIModel/team/model', stored(onEdge(programmed('True')))],
    ['GatewayRoute/team/route', stored(onEdge(programmed('False')))],
    ['LLMProvider/team/provider', stored(undefined)],
  ]);
  const resources = [edgeGateway(), model(), route(), provider()];
  const at = (key: ResourceKey) => objects.get(key);

  test('is counted, and what is not programmed is named with its conditions', () => {
    expect(writtenByAgent({ type: 'Cluster' }, resources, at, EDGE)).toEqual({
      programmed: 2,
      all: 3,
      others: [{ resource: 'GatewayRoute/team/route', because: [programmed('False')] }],
    });
  });

  test('over all edges what has no status is named too, and of a namespace only its own', () => {
    const { all, others } = writtenByAgent({ type: 'Cluster', namespace: 'team' }, resources, at);
    expect(all).toBe(3);
    expect(others.map(({ resource }) => resource)).toEqual(['GatewayRoute/team/route', 'LLMProvider/team/provider']);
  });
});
