import { describe, expect, test } from 'vitest';
import type { Condition } from '../../../../sync-agent/compile/compilation.ts';
import type { EdgeOpinion, ResourceWord } from '../../../../sync-agent/status/kubernetes/status-facts.ts';
import { statusOfResource, type StatusInput } from '../../../../sync-agent/status/kubernetes/status-of-resource.ts';
import { readStoredStatus } from '../../../../sync-agent/status/kubernetes/stored-status.ts';

const NOW = '2026-11-02T00:00:00Z';
const BEFORE = '2026-11-01T00:00:00Z';

const accepted: Condition = { type: 'Accepted', status: 'True', reason: 'Accepted', message: 'sound' };
const resolved: Condition = { type: 'ResolvedRefs', status: 'True', reason: 'ResolvedRefs', message: 'leads' };
const served: Condition = { type: 'Programmed', status: 'True', reason: 'Programmed', message: 'served' };
const pending: Condition = { type: 'Programmed', status: 'False', reason: 'Pending', message: 'not yet' };
const unheard: Condition = { type: 'Programmed', status: 'Unknown', reason: 'Pending', message: 'not heard of' };
const noModel: Condition = { type: 'ResolvedRefs', status: 'False', reason: 'ModelNotFound', message: 'no model' };
const misled: Condition = { type: 'Accepted', status: 'False', reason: 'NoMatchingParent', message: 'names ai/none' };

const opinion = (edge: string, more: Partial<EdgeOpinion> = {}): EdgeOpinion => ({
  edge,
  conditions: [accepted, resolved],
  generation: 3,
  programmed: served,
  programmedGeneration: 3,
  ...more,
});

function statusOf(opinions: readonly EdgeOpinion[], more: Partial<StatusInput & ResourceWord> = {}) {
  const { problems = [], hasEdges = true, ...rest } = more;
  return statusOfResource({
    kind: 'GatewayRoute',
    word: { opinions, problems, hasEdges },
    stored: readStoredStatus(undefined),
    generation: 3,
    now: NOW,
    isNew: () => false,
    ...rest,
  });
}

/** `Type=Status/Reason@observedGeneration`. */
function short({ conditions }: { conditions: ReturnType<typeof statusOf>['conditions'] }): string[] {
  return conditions.map(
    ({ type, status, reason, observedGeneration }) => `${type}=${status}/${reason}@${observedGeneration}`,
  );
}

describe('the status of a resource', () => {
  test('has its conditions per edge, and summed up', () => {
    const { conditions, parents } = statusOf([opinion('ai/one')]);
    const written = [accepted, resolved, served].map((condition) => ({
      ...condition,
      observedGeneration: 3,
      lastTransitionTime: NOW,
    }));
    expect(conditions).toEqual(written);
    expect(parents).toEqual([
      {
        parentRef: { group: 'fairlead.dev', kind: 'EdgeGateway', namespace: 'ai', name: 'one' },
        controllerName: 'fairlead.dev/sync-agent',
        conditions: written,
      },
    ]);
  });

  test('is True only where it is on every edge, and else says which edge it is not on', () => {
    const { conditions } = statusOf([opinion('ai/one'), opinion('ai/two', { programmed: pending })]);
    expect(conditions.at(-1)).toMatchObject({ status: 'False', message: 'EdgeGateway ai/two: not yet' });
  });

  test('is Unknown where an edge has not been heard of and none says no', () => {
    expect(short(statusOf([opinion('ai/one', { programmed: undefined }), opinion('ai/two')]))).toContain(
      'Programmed=Unknown/Pending@3',
    );
    const denied = opinion('ai/two', { programmed: pending });
    expect(short(statusOf([opinion('ai/one', { programmed: unheard }), denied]))).toContain(
      'Programmed=False/Pending@3',
    );
  });

  test('says for which generation it was found out: that which was compiled, on the slowest edge', () => {
    const late = opinion('ai/two', { generation: 2, programmedGeneration: 1 });
    expect(short(statusOf([opinion('ai/one'), late]))).toEqual([
      'Accepted=True/Accepted@2',
      'ResolvedRefs=True/ResolvedRefs@2',
      'Programmed=True/Programmed@1',
    ]);
  });

  test('keeps the time of a transition while the status of the condition is the same', () => {
    const stored = readStoredStatus(asStored(statusOf([opinion('ai/one')], { now: BEFORE })));
    const { conditions, parents } = statusOf(
      [opinion('ai/one', { programmed: pending, conditions: [accepted, noModel] })],
      {
        stored,
      },
    );
    expect(conditions.map(({ lastTransitionTime }) => lastTransitionTime)).toEqual([BEFORE, NOW, NOW]);
    expect(parents[0]?.conditions.map(({ lastTransitionTime }) => lastTransitionTime)).toEqual([BEFORE, NOW, NOW]);
  });

  test('loses the entry of an edge that it concerns no more, and keeps those of other controllers', () => {
    const first = statusOf([opinion('ai/one'), opinion('ai/two')]);
    const foreign = { ...first.parents[0]!, controllerName: 'example.com/other' };
    const stored = readStoredStatus(asStored({ ...first, parents: [...first.parents, foreign] }));
    const { parents } = statusOf([opinion('ai/two')], { stored });
    expect(parents.map(({ controllerName, parentRef }) => `${controllerName} ${parentRef.name}`)).toEqual([
      'example.com/other one',
      'fairlead.dev/sync-agent two',
    ]);
  });

  test('takes times from its own entry of the same edge, whatever stands beside it', () => {
    const times = (time: string, ...edges: string[]) =>
      statusOf(
        edges.map((edge) => opinion(edge)),
        { now: time },
      ).parents;
    const foreign = { ...times('2020-01-01T00:00:00Z', 'ai/two')[0]!, controllerName: 'example.com/other' };
    const parents = [foreign, ...times('2021-01-01T00:00:00Z', 'ai/one'), ...times(BEFORE, 'ai/two')];
    const stored = readStoredStatus(asStored({ conditions: [], parents }));
    const [, own] = statusOf([opinion('ai/two')], { stored }).parents;
    expect(own?.conditions.map(({ lastTransitionTime }) => lastTransitionTime)).toEqual([BEFORE, BEFORE, BEFORE]);
  });

  test('is no longer in any message than the API server takes', () => {
    const conditions = [accepted, { ...noModel, message: 'x'.repeat(40_000) }];
    const [, resolvedRefs] = statusOf([opinion('ai/one', { conditions })]).conditions;
    expect(resolvedRefs?.message).toBe(`${'x'.repeat(32_767)}…`);
  });

  test('has no parent where it names none that there is', () => {
    const opinions = ['ai/one', 'ai/two'].map((edge) => opinion(edge, { conditions: [misled, resolved] }));
    const { conditions, parents } = statusOf(opinions);
    expect(conditions[0]).toMatchObject({ status: 'False', reason: 'NoMatchingParent' });
    expect(parents).toEqual([]);
  });
});

describe('a leader that has just begun', () => {
  const stored = readStoredStatus(asStored(statusOf([opinion('ai/one')], { now: BEFORE })));
  const isNew = () => true;

  test('lets stand what the one before it was told', () => {
    for (const programmed of [undefined, unheard])
      expect(statusOf([opinion('ai/one', { programmed })], { stored, isNew }).conditions).toEqual(stored.conditions);
  });

  test('does not where the resource has changed since', () => {
    const changed = opinion('ai/one', { programmed: undefined, generation: 4, programmedGeneration: undefined });
    expect(short(statusOf([changed], { stored, isNew, generation: 4 }))).toContain('Programmed=Unknown/Pending@4');
  });

  test('does not once the edge should have been heard of', () => {
    expect(short(statusOf([opinion('ai/one', { programmed: unheard })], { stored }))).toContain(
      'Programmed=Unknown/Pending@3',
    );
  });
});

describe('a resource that is in no table', () => {
  test('says what is wrong with it where it is stored as no release would take it now', () => {
    const status = statusOf([], { problems: ['spec.models: is required.', 'spec.x: is unknown.'] });
    expect(short(status)).toEqual(['Accepted=False/Invalid@3', 'Programmed=False/NotShipped@3']);
    expect(status.conditions[0]?.message).toBe('spec.models: is required. spec.x: is unknown.');
  });

  test('is invalid on every edge that still has it as it was', () => {
    const { conditions, parents } = statusOf([opinion('ai/one')], { problems: ['spec.models: is required.'] });
    expect(short({ conditions })).toEqual([
      'Accepted=False/Invalid@3',
      'ResolvedRefs=True/ResolvedRefs@3',
      'Programmed=True/Programmed@3',
    ]);
    expect(parents[0]?.conditions[0]).toMatchObject({ reason: 'Invalid' });
  });

  test.each([
    ['GatewayRoute', ['Accepted=False/NoMatchingParent@3', 'Programmed=False/NotShipped@3']],
    ['Consumer', ['Accepted=False/NoMatchingParent@3', 'Programmed=False/NotShipped@3']],
    ['AIModel', ['Programmed=False/NotShipped@3']],
    ['LLMProvider', ['Programmed=False/NotShipped@3']],
  ] as const)('says so where there is no EdgeGateway: %s', (kind, found) => {
    const status = statusOf([], { kind, hasEdges: false });
    expect(short(status)).toEqual(found);
    expect(status.conditions[0]?.message).toContain('There is no EdgeGateway');
  });
});

test('an EdgeGateway has conditions of its own, and no parents', () => {
  const { conditions, parents } = statusOf([opinion('ai/one')], { kind: 'EdgeGateway' });
  expect([conditions.length, parents]).toEqual([3, []]);
});

/** As it comes back from the API server. */
function asStored(status: object): unknown {
  return JSON.parse(JSON.stringify(status));
}
