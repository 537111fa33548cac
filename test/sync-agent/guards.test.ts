import { describe, expect, test } from 'vitest';
import type { Resource } from '../../crds/parse-resource.ts';
import type { EventRecorder } from './support/event-recorder.ts';
import { fakeEdge, heldEntries, heldRoutes, openedSecrets } from './support/edge-bench.ts';
import type { FakeEdge } from './support/fake-edge.ts';
import {
  consumer,
  gateway,
  gatewayWith,
  model,
  providerSecret,
  route,
  smallTable,
  type MemorySource,
} from './support/local-resources.ts';
import { manualClock } from './support/manual-clock.ts';
import { advanceUntil, isDeadline, startAgent, untilObserved, type RunningAgent } from './support/start-agent.ts';

const EDGE_KEY = 'EdgeGateway/ai/edge';
const MODEL = 'AIModel/ai/small';
const ROUTE = 'GatewayRoute/ai/chat';

/** `status reason` of the resources that are asked for, in what was said last. */
function programmed(events: EventRecorder, ...keys: string[]): string[] {
  const last = events.of('programmed').at(-1);
  return keys.map((key) => {
    const condition = last?.conditions.get(key);
    return `${condition?.status} ${condition?.reason}`;
  });
}

/** The next time that a resource has a condition for this reason, its message. */
async function messageOf(events: EventRecorder, key: string, reason: string): Promise<string> {
  const { conditions } = await events.next('programmed', (event) => event.conditions.get(key)?.reason === reason);
  return conditions.get(key)?.message ?? '';
}

async function untilAllProgrammed(events: EventRecorder): Promise<void> {
  await events.next('programmed', ({ conditions }) =>
    [...conditions.values()].every(({ status }) => status === 'True'),
  );
}

/** Changes resources and lets the agent go through with that, whatever it makes of it. */
async function change(source: MemorySource, ...resources: readonly Resource[]): Promise<void> {
  const before = source.observed;
  source.set(...resources);
  await untilObserved(source, before + 1);
}

async function served(options: Parameters<typeof startAgent>[1] = {}, resources = smallTable()): Promise<RunningAgent> {
  const agent = startAgent(resources, options);
  await agent.events.next('served');
  await untilAllProgrammed(agent.events);
  return agent;
}

function weightAt(edge: FakeEdge): unknown {
  return JSON.stringify(heldEntries(edge, 'models')).match(/"weight":(\d+)/)?.[1];
}

describe('a suspended EdgeGateway', () => {
  test('keeps edits from the edge, says so of each, and lets all of them go at once', async () => {
    const { source, edge, events } = await served();
    source.set(gatewayWith({ suspend: true }));
    expect(await events.next('held')).toMatchObject({ edge: 'ai/edge', reason: 'Suspended', waiting: [] });
    source.set(model('small', 2), consumer('bob', 'b'));
    expect((await events.next('held')).waiting).toEqual(['Consumer/ai/bob', MODEL]);
    expect(await messageOf(events, MODEL, 'Suspended')).toBe(
      'Not published: EdgeGateway ai/edge is suspended: take spec.suspend away to go on.',
    );
    expect(programmed(events, ROUTE, 'Consumer/ai/bob', EDGE_KEY)).toEqual([
      'True Programmed',
      'False Suspended',
      'False Suspended',
    ]);
    source.set(gateway());
    expect((await events.next('published')).changes).toEqual({
      added: ['Consumer/ai/bob'],
      changed: [MODEL],
      removed: [],
    });
    await untilAllProgrammed(events);
    expect([edge.admitted.length, edge.calls('term')]).toEqual([2, 1]);
    expect(events.of('released')).toHaveLength(1);
  });

  test('is as Programmed as before while nothing waits', async () => {
    const { source, events } = await served();
    await change(source, gatewayWith({ suspend: true }));
    expect(programmed(events, MODEL, EDGE_KEY)).toEqual(['True Programmed', 'True Programmed']);
  });

  test('gets nothing where it never had anything', async () => {
    const { edge, events } = startAgent([...smallTable().slice(1), gatewayWith({ suspend: true })]);
    await messageOf(events, MODEL, 'Suspended');
    expect(programmed(events, ROUTE, EDGE_KEY)).toEqual(['False Suspended', 'False Suspended']);
    expect(edge.admitted).toEqual([]);
  });

  test('says what waits after the agent was started again, too', async () => {
    const first = await served();
    await first.stop();
    const { events, edge } = startAgent([...smallTable().slice(1), gatewayWith({ suspend: true }), model('small', 3)], {
      edge: first.edge,
    });
    expect((await events.next('held')).waiting).toEqual([MODEL]);
    await events.next('programmed', ({ conditions }) => conditions.get(ROUTE)?.status === 'True');
    expect(programmed(events, MODEL)).toEqual(['False Suspended']);
    expect(edge.admitted).toHaveLength(1);
  });
});

describe('a table that would take much away', () => {
  const consumers = ['a', 'b', 'c'].map((digest) => consumer(`c-${digest}`, digest));
  const resources = [...smallTable().filter(({ kind }) => kind !== 'Consumer'), ...consumers];
  const removeAll = (source: MemorySource) => source.remove('Consumer/ai/c-a', 'Consumer/ai/c-b', 'Consumer/ai/c-c');
  const digestIn = (sentence: string) => /allow-shrink=([0-9a-f]{12})/.exec(sentence)?.[1] ?? '';

  test('waits for a word, and the condition gives the command that says it', async () => {
    const { source, edge, events } = await served({}, resources);
    removeAll(source);
    const { reason, sentence, waiting } = await events.next('held');
    expect(reason).toBe('ShrinkHeld');
    expect(waiting).toEqual(['Consumer/ai/c-a', 'Consumer/ai/c-b', 'Consumer/ai/c-c']);
    expect(sentence).toContain('it would drop all 3 consumers (Consumer/ai/c-a, Consumer/ai/c-b, Consumer/ai/c-c)');
    const digest = digestIn(sentence);
    expect(sentence).toContain(
      `kubectl annotate edgegateway -n ai edge fairlead.dev/allow-shrink=${digest} --overwrite`,
    );
    expect(await messageOf(events, EDGE_KEY, 'ShrinkHeld')).toBe(`Not published: ${sentence}.`);
    // What is compiled as the edge has it does not suffer.
    expect(programmed(events, MODEL)).toEqual(['True Programmed']);
    source.set(gatewayWith({}, { 'fairlead.dev/allow-shrink': digest }));
    expect((await events.next('published')).changes.removed).toHaveLength(3);
    await untilAllProgrammed(events);
    expect([heldEntries(edge, 'consumers'), edge.calls('term')]).toEqual([[], 1]);
  });

  test('goes on waiting when the agent is started again', async () => {
    const first = await served({}, resources);
    await first.stop();
    const left = resources.filter(({ kind }) => kind !== 'Consumer');
    const { source, edge, events } = startAgent(left, { edge: first.edge });
    const { sentence } = await events.next('held');
    expect(edge.admitted).toHaveLength(1);
    source.set(gatewayWith({}, { 'fairlead.dev/allow-shrink': digestIn(sentence) }));
    await events.next('published');
  });

  test('waits anew where another edit came since it was allowed', async () => {
    const { source, edge, events } = await served({}, resources);
    removeAll(source);
    const first = digestIn((await events.next('held')).sentence);
    source.set(gatewayWith({}, { 'fairlead.dev/allow-shrink': first }), model('small', 2));
    expect(digestIn((await events.next('held')).sentence)).not.toBe(first);
    expect(edge.admitted).toHaveLength(1);
  });

  test('is published, and told, by an agent that only warns', async () => {
    const { source, edge, events } = await served({ shrink: 'Warn' }, resources);
    removeAll(source);
    expect((await events.next('shrunk')).sentence).toContain('it drops all 3 consumers');
    await events.next('published');
    expect(heldEntries(edge, 'consumers')).toEqual([]);
    expect(events.of('held')).toEqual([]);
  });
});

describe('a pinned EdgeGateway', () => {
  async function editedTwice(): Promise<RunningAgent & { first: string }> {
    const agent = await served();
    const first = agent.edge.current?.revision ?? '';
    agent.source.set(model('small', 2), route('code', 'small'));
    await agent.events.next('served');
    return { ...agent, first };
  }

  test('goes back to what the revision said, says what differs from it, and forward again', async () => {
    const { source, edge, events, first } = await editedTwice();
    source.set(gatewayWith({ pinnedRevision: first }));
    expect(await events.next('published')).toMatchObject({
      rollbackOf: first,
      generation: '1.3',
      changes: { added: [], changed: [MODEL], removed: ['GatewayRoute/ai/code'] },
    });
    expect(await events.next('held')).toMatchObject({ reason: 'Pinned', waiting: ['GatewayRoute/ai/code', MODEL] });
    expect(edge.current?.pointer.rollbackOf).toBe(first);
    expect([weightAt(edge), Object.keys(heldRoutes(edge))]).toEqual(['1', ['ai/chat']]);
    await messageOf(events, MODEL, 'Pinned');
    expect(programmed(events, ROUTE, 'GatewayRoute/ai/code', EDGE_KEY)).toEqual([
      'True Programmed',
      'False Pinned',
      'False Pinned',
    ]);
    source.set(gateway());
    expect((await events.next('published')).changes).toEqual({
      added: ['GatewayRoute/ai/code'],
      changed: [MODEL],
      removed: [],
    });
    await untilAllProgrammed(events);
    expect([weightAt(edge), edge.current?.pointer.rollbackOf]).toEqual(['2', undefined]);
    expect(edge.calls('term')).toBe(1);
  });

  test('uses the secrets of now, also those that are rotated while it is pinned', async () => {
    const { source, edge, events } = await served();
    const first = edge.current?.revision;
    source.set(providerSecret('sk-rotated'), model('small', 2));
    await events.next('published');
    source.set(gatewayWith({ pinnedRevision: first }));
    await events.next('published');
    expect([weightAt(edge), Object.values(await openedSecrets(edge))]).toEqual(['1', ['sk-rotated']]);
    source.set(providerSecret('sk-rotated-again'));
    expect(await events.next('published')).toMatchObject({ rollbackOf: first });
    expect([weightAt(edge), Object.values(await openedSecrets(edge))]).toEqual(['1', ['sk-rotated-again']]);
  });

  test('brings back what is deleted, with the secrets that it had', async () => {
    const { source, edge, events } = await served({ shrink: 'Warn' });
    const first = edge.current?.revision;
    source.remove(ROUTE, 'AIModel/ai/small', 'LLMProvider/ai/openai', 'Secret/ai/openai');
    await events.next('published');
    expect(await openedSecrets(edge)).toEqual({});
    source.set(gatewayWith({ pinnedRevision: first }));
    expect((await events.next('published')).changes.added).toEqual([MODEL, ROUTE, 'LLMProvider/ai/openai']);
    expect(Object.values(await openedSecrets(edge))).toEqual(['sk-upstream']);
  });

  test('to the revision that is served changes nothing, and holds what is edited later', async () => {
    const { source, edge, events } = await served();
    source.set(gatewayWith({ pinnedRevision: edge.current?.revision }));
    expect(await events.next('held')).toMatchObject({ reason: 'Pinned', waiting: [] });
    expect(programmed(events, MODEL, EDGE_KEY)).toEqual(['True Programmed', 'True Programmed']);
    source.set(model('small', 2));
    await messageOf(events, MODEL, 'Pinned');
    expect(edge.admitted).toHaveLength(1);
  });

  test('stays as it is when the agent is started again, even where the edge no longer keeps the revision', async () => {
    const first = await editedTwice();
    first.source.set(gatewayWith({ pinnedRevision: first.first }));
    await first.events.next('served', ({ revision }) => revision === first.edge.current?.revision);
    await first.stop();
    first.edge.kept = first.edge.kept.filter(({ revision }) => revision !== first.first);
    const resources = [...smallTable().slice(1), gatewayWith({ pinnedRevision: first.first }), model('small', 2)];
    const { events, edge } = startAgent(resources, { edge: first.edge });
    expect(await events.next('held')).toMatchObject({ reason: 'Pinned', waiting: [MODEL] });
    await events.next('programmed', ({ conditions }) => conditions.get(ROUTE)?.status === 'True');
    expect(edge.admitted).toHaveLength(3);
  });

  test('to a revision that the edge does not keep gets nothing, and is told which there are', async () => {
    const { source, edge, events } = await served();
    const kept = edge.current?.revision;
    source.set(gatewayWith({ pinnedRevision: '0123456789ab' }), model('small', 2));
    const message = await messageOf(events, EDGE_KEY, 'PinnedRevisionNotFound');
    expect(message).toContain(`does not keep revision 0123456789ab, or not the whole of it; it keeps ${kept}: pin`);
    expect(programmed(events, MODEL, ROUTE)).toEqual(['False Pinned', 'True Programmed']);
    expect(edge.admitted).toHaveLength(1);
  });

  test('is given its revision again where the hub was wiped', async () => {
    const clock = manualClock(isDeadline);
    const edge = fakeEdge(clock);
    const { source, events } = startAgent(smallTable(), { edge, clock });
    const { revision: first } = await advanceUntil(clock, events.next('served'), 10);
    source.set(model('small', 2));
    await advanceUntil(clock, events.next('served'), 10);
    source.set(gatewayWith({ pinnedRevision: first }));
    await advanceUntil(clock, events.next('published'), 10);
    edge.wipe();
    expect(await advanceUntil(clock, events.next('published'), 1000)).toMatchObject({ rollbackOf: first });
    expect(weightAt(edge)).toBe('1');
  });
});

describe('workers that read another version of the table', () => {
  test('get none that they cannot read, and the agent says what to deploy', async () => {
    const clock = manualClock(isDeadline);
    const edge = fakeEdge(clock);
    edge.reads = { schemaVersions: [99], features: [] };
    const { events } = startAgent(smallTable(), { edge, clock });
    const { sentence, retryInMs } = await advanceUntil(clock, events.next('failed'), 10);
    expect(sentence).toContain('the workers of https://edge.test all read version 99 of the routing table');
    expect(sentence).toContain('deploy a worker of the release of this agent');
    expect([retryInMs, edge.admitted]).toEqual([30_000, []]);
    edge.reads = { schemaVersions: [1, 99], features: [] };
    await advanceUntil(clock, events.next('served'), 1000);
  });
});

describe('a route that gives way to another cluster', () => {
  test('is told with whom it conflicts, once the hub says so', async () => {
    const clock = manualClock(isDeadline);
    const edge = fakeEdge(clock);
    const { events } = startAgent(smallTable(), { edge, clock });
    await advanceUntil(clock, events.next('served'), 10);
    edge.conflicts = [{ route: 'ai/chat', with: { cluster: 'paris', route: 'web/chat' } }];
    expect(await advanceUntil(clock, messageOf(events, ROUTE, 'Conflicted'), 1000)).toContain(
      'web/chat of cluster paris',
    );
    expect(programmed(events, MODEL, EDGE_KEY)).toEqual(['True Programmed', 'True Programmed']);
  });
});
