import { describe, expect, test } from 'vitest';
import { fakeEdge, heldEntries, heldRoutes, openedSecrets } from './support/edge-bench.ts';
import { EDGE } from './support/fake-edge.ts';
import type { EventRecorder } from './support/event-recorder.ts';
import {
  consumer,
  gateway,
  gatewayWith,
  keysSecret,
  MemorySource,
  model,
  providerSecret,
  route,
  smallTable,
} from './support/local-resources.ts';
import { manualClock, settle } from './support/manual-clock.ts';
import { advanceUntil, isDeadline, startAgent as start, untilObserved } from './support/start-agent.ts';

describe('an agent', () => {
  test('publishes what it finds, and says what that is and when it is served', async () => {
    const { edge, events } = start();
    const published = await events.next('published');
    expect(published).toMatchObject({
      edge: 'ai/edge',
      generation: '1.1',
      changes: {
        added: ['AIModel/ai/small', 'Consumer/ai/ann', 'GatewayRoute/ai/chat', 'LLMProvider/ai/openai'],
        changed: [],
        removed: [],
      },
    });
    expect(await events.next('served')).toMatchObject({ revision: published.revision, isolates: 1 });
    expect(Object.keys(heldRoutes(edge))).toEqual(['ai/chat']);
    expect(Object.values(await openedSecrets(edge))).toEqual(['sk-upstream']);
  });

  test('tells of a change which resources it added, changed and removed', async () => {
    const { source, events } = start([
      ...smallTable(),
      model('large'),
      route('code', 'large'),
      consumer('bob', 'b', 'c'),
    ]);
    await events.next('served');
    source.set(model('small', 5), consumer('bob', 'b', 'd'), consumer('eve', 'e'));
    source.remove('GatewayRoute/ai/code');
    const { changes } = await events.next('published');
    expect(changes).toEqual({
      added: ['Consumer/ai/eve'],
      changed: ['AIModel/ai/small', 'Consumer/ai/bob'],
      removed: ['AIModel/ai/large', 'GatewayRoute/ai/code'],
    });
  });

  test('publishes a rotated secret as a change of the provider that uses it', async () => {
    const { source, edge, events } = start();
    await events.next('served');
    source.set(providerSecret('sk-rotated'));
    expect((await events.next('published')).changes.changed).toEqual(['LLMProvider/ai/openai']);
    expect(Object.values(await openedSecrets(edge))).toEqual(['sk-rotated']);
  });

  test('publishes nothing where nothing that counts has changed', async () => {
    const { source, edge, events } = start();
    await events.next('served');
    source.set(...smallTable());
    source.set(providerSecret('unused-by-anyone-else'));
    source.set(providerSecret());
    source.nudge();
    await untilObserved(source, source.observed + 1);
    expect(edge.admitted).toHaveLength(1);
  });

  test('started again, publishes nothing, and knows what a later change is', async () => {
    const first = start();
    await first.events.next('served');
    await first.stop();
    const { source, events, edge } = start(smallTable(), { edge: first.edge });
    expect(await events.next('unchanged')).toMatchObject({ revision: edge.current?.revision });
    await events.next('served');
    expect(edge.admitted).toHaveLength(1);
    source.set(model('small', 2));
    expect((await events.next('published')).changes).toEqual({ added: [], changed: ['AIModel/ai/small'], removed: [] });
  });

  test('started again on other resources, still says what changed', async () => {
    const first = start([...smallTable(), consumer('bob', 'b')]);
    await first.events.next('served');
    await first.stop();
    const kept = smallTable().filter(({ metadata }) => metadata.name !== 'ann');
    const { events } = start([...kept, consumer('bob', 'b'), model('small', 3)], { edge: first.edge });
    expect((await events.next('published')).changes).toEqual({
      added: [],
      changed: ['AIModel/ai/small'],
      removed: ['Consumer/ai/ann'],
    });
  });

  test('ships what is sound, and says what stands against the rest', async () => {
    const { edge, events } = start([...smallTable(), route('broken', 'nowhere')]);
    const { conditions, counts } = await events.next('compiled');
    expect(conditions.get('GatewayRoute/ai/broken')).toContainEqual(
      expect.objectContaining({ type: 'ResolvedRefs', status: 'False', reason: 'ModelNotFound' }),
    );
    expect(counts.routes).toBe(1);
    await events.next('published');
    expect(Object.keys(heldRoutes(edge))).toEqual(['ai/chat']);
  });

  test('without an EdgeGateway says so, and begins when there is one', async () => {
    const { source, events } = start(smallTable().filter(({ kind }) => kind !== 'EdgeGateway'));
    await events.next('no-edge');
    source.set(gateway());
    expect(await events.next('served')).toMatchObject({ edge: 'ai/edge' });
  });

  test('without a usable key publishes nothing and says which resource to mend', async () => {
    const { source, edge, events } = start(smallTable().filter(({ metadata }) => metadata.name !== 'keys'));
    const { conditions } = await events.next('compiled');
    expect(conditions.get('EdgeGateway/ai/edge')).toContainEqual(expect.objectContaining({ status: 'False' }));
    const programmed = await events.next('programmed');
    expect(programmed.conditions.get('EdgeGateway/ai/edge')).toMatchObject({
      status: 'False',
      reason: 'PublishFailed',
    });
    expect(edge.log).toEqual([]);
    source.set(keysSecret());
    await events.next('served');
  });

  test('leaves the table of an EdgeGateway that is deleted where it is', async () => {
    const { source, edge, events } = start();
    await events.next('served');
    source.remove('EdgeGateway/ai/edge');
    await events.next('no-edge');
    expect(Object.keys(heldRoutes(edge))).toEqual(['ai/chat']);
    expect(edge.admitted).toHaveLength(1);
  });

  test('passes on what is wrong with the source', async () => {
    const source = new MemorySource(smallTable());
    const problem = { severity: 'error', file: 'a.yaml', line: 2, column: 1, sentence: 'is wrong' } as const;
    source.problems = [problem];
    const { events } = start([], { source });
    expect((await events.next('problems')).problems).toEqual([problem]);
    source.problems = [];
    source.nudge();
    expect((await events.next('problems')).problems).toEqual([]);
  });

  test('stops at once, and closes its source', async () => {
    const { source, events, stop } = start();
    await events.next('compiled');
    await stop();
    expect(source.closed).toBe(true);
  });

  test("asks Cloudflare's API where it is told that it stands, and nowhere else", async () => {
    const edge = fakeEdge();
    const asked = Promise.withResolvers<URL>();
    const fetchBoth: typeof fetch = (input, init) => {
      const url = new URL(input instanceof Request ? input.url : input);
      if (url.origin === EDGE) return edge.fetch(input, init);
      asked.resolve(url);
      return Promise.resolve(new Response('{}', { status: 403 }));
    };
    const id = '0123456789abcdef'.repeat(2);
    const apiTokenSecretRef = { name: 'openai', key: 'api-key' };
    const publish = {
      type: 'CloudflareKV',
      cloudflareKV: { accountId: id, namespaceId: id, apiTokenSecretRef },
    } as const;
    start([...smallTable().slice(1), gatewayWith({ publish })], {
      edge,
      fetch: fetchBoth,
      cloudflareAPI: 'https://proxy.test/v4',
    });
    expect((await asked.promise).href).toMatch(/^https:\/\/proxy\.test\/v4\/accounts\//);
  });

  test('ends with the reason where another agent takes over', async () => {
    const first = start();
    await first.events.next('served');
    const second = start(smallTable(), { edge: first.edge });
    await second.events.next('served');
    first.source.set(model('small', 7));
    await expect(first.ended).rejects.toMatchObject({ fault: 'superseded' });
    expect(await first.events.next('failed')).toMatchObject({
      code: 'superseded',
      retryInMs: null,
      sentence: expect.stringContaining('another agent of this cluster has taken over (its term is 2, ours 1)'),
    });
  });
});

describe('with a dead edge', () => {
  test('an agent tries again at growing distances, and is there when the edge comes back', async () => {
    const clock = manualClock(isDeadline);
    const edge = fakeEdge(clock);
    edge.mishap = () => 'refused-connection';
    const { events } = start(smallTable(), { edge, clock });
    const pauses: (number | null)[] = [];
    for (let pass = 0; pass < 8; pass++) {
      const { retryInMs, code } = await advanceUntil(clock, events.next('failed'), 100);
      expect(code).toBe('unreachable');
      pauses.push(retryInMs);
    }
    expect(pauses).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
    edge.mishap = () => undefined;
    await advanceUntil(clock, events.next('served'), 1000);
  });

  test('a change is tried at once, not only when the pause is over', async () => {
    const clock = manualClock(isDeadline);
    const edge = fakeEdge(clock);
    const { source, events } = start(smallTable(), { edge, clock });
    await advanceUntil(clock, events.next('served'), 10);
    edge.mishap = () => new Response('<html>', { status: 404 });
    source.set(model('small', 2));
    expect(await advanceUntil(clock, events.next('failed'), 10)).toMatchObject({
      code: 'not-an-edge',
      retryInMs: 30_000,
    });
    edge.mishap = () => undefined;
    const at = clock.now();
    source.set(model('small', 3));
    await advanceUntil(clock, events.next('published'), 10);
    expect(clock.now() - at).toBeLessThan(15_000);
  });

  test('what was served stays Programmed, what changed since says why it is not', async () => {
    const clock = manualClock(isDeadline);
    const edge = fakeEdge(clock);
    const { source, events } = start(smallTable(), { edge, clock });
    await advanceUntil(clock, events.next('served'), 10);
    await events.next('programmed', ({ conditions }) => conditions.get('AIModel/ai/small')?.status === 'True');
    edge.mishap = () => 'refused-connection';
    source.set(model('small', 2));
    await advanceUntil(clock, events.next('failed'), 100);
    const { conditions } = await events.next('programmed');
    expect(conditions.get('AIModel/ai/small')).toMatchObject({ status: 'False', reason: 'PublishFailed' });
    expect(conditions.get('AIModel/ai/small')?.message).toContain('cannot be reached');
    expect(conditions.get('EdgeGateway/ai/edge')).toMatchObject({ status: 'False', reason: 'PublishFailed' });
    expect(conditions.get('GatewayRoute/ai/chat')).toMatchObject({ status: 'True' });
  });

  test('one dead edge does not hold up another', async () => {
    const edge = fakeEdge();
    const fetchBoth: typeof fetch = (input, init) => {
      const isDead = input instanceof URL && input.hostname === 'dead.test';
      return isDead ? Promise.reject(new TypeError('fetch failed')) : edge.fetch(input, init);
    };
    const { events } = start([...smallTable(), gateway('dead', 'https://dead.test')], { edge, fetch: fetchBoth });
    expect((await events.next('served')).edge).toBe('ai/edge');
    expect(events.of('published').map((event) => event.edge)).toEqual(['ai/edge']);
  });

  test('a hub that was wiped is found out and filled without any change', async () => {
    const clock = manualClock(isDeadline);
    const edge = fakeEdge(clock);
    const { events } = start(smallTable(), { edge, clock });
    await advanceUntil(clock, events.next('served'), 10);
    edge.wipe();
    expect(await advanceUntil(clock, events.next('published'), 1000)).toMatchObject({ generation: '2.1' });
    expect(heldEntries(edge, 'models').map(([id]) => id)).toEqual(['ai/small']);
  });
});

describe('Programmed', () => {
  test('is True only when the hub, the probe and every isolate heard of serve it', async () => {
    const clock = manualClock(isDeadline);
    const edge = fakeEdge(clock);
    const { source, events } = start(smallTable(), { edge, clock });
    const { revision: old } = await advanceUntil(clock, events.next('served'), 10);
    edge.served = old;
    edge.serving = [{ revision: old, count: 2, ageMs: 0 }];
    source.set(model('small', 2));
    const { revision } = await advanceUntil(clock, events.next('published'), 10);
    await advanceUntil(clock, waiting(events, `${revision} is served by 0 of 2 isolates`), 10);
    edge.served = revision;
    edge.serving = [
      { revision, count: 1, ageMs: 0 },
      { revision: old, count: 1, ageMs: 0 },
    ];
    edge.refused = [{ revision, reason: 'blob-hash', count: 1 }];
    const { conditions } = await advanceUntil(clock, waiting(events, 'served by 1 of 2 isolates'), 100);
    expect(conditions.get('AIModel/ai/small')?.message).toContain('Isolates refuse it: blob-hash.');
    // What both revisions hold alike is served, whichever an isolate has.
    expect(conditions.get('GatewayRoute/ai/chat')).toMatchObject({ status: 'True', reason: 'Programmed' });
    expect(events.of('served')).toHaveLength(1);
    edge.serving = [{ revision, count: 2, ageMs: 0 }];
    edge.refused = [];
    expect(await advanceUntil(clock, events.next('served'), 100)).toMatchObject({ revision, isolates: 2 });
    const last = events.of('programmed').at(-1);
    expect([...(last?.conditions.values() ?? [])].every(({ status }) => status === 'True')).toBe(true);
  });

  test('is NotShipped for what the table does not hold', async () => {
    const { events } = start([...smallTable(), model('unused')]);
    await events.next('served');
    const { conditions } = events.of('programmed').at(-1) ?? { conditions: new Map<string, unknown>() };
    expect(conditions.get('AIModel/ai/unused')).toMatchObject({ status: 'False', reason: 'NotShipped' });
  });
});

describe('many changes', () => {
  test('in a burst are one publication, and an endless burst is not put off without end', async () => {
    const clock = manualClock(isDeadline);
    const edge = fakeEdge(clock);
    const { source, events } = start(smallTable(), { edge, clock, debounceMs: 40, maximumWaitMs: 400 });
    await advanceUntil(clock, events.next('served'), 10);
    const from = clock.now();
    const observed = source.observed;
    for (let weight = 2; source.observed === observed; weight++) {
      source.set(model('small', weight));
      await clock.advance(10);
      await settle();
    }
    expect(clock.now() - from).toBeGreaterThanOrEqual(400);
    expect(clock.now() - from).toBeLessThan(450);
    await advanceUntil(clock, events.next('published'), 10);
    expect(edge.admitted).toHaveLength(2);
  });

  test('that come while a pass is in flight wait for the next one', async () => {
    const edge = fakeEdge();
    const { source, events } = start(smallTable(), { edge });
    await events.next('served');
    let inFlight = 0;
    edge.before = async ({ step }) => {
      if (step !== 'missing') return;
      inFlight += 1;
      expect(inFlight).toBe(1);
      source.set(model('small', 9));
      await untilObserved(source, source.observed + 1);
      inFlight -= 1;
      edge.before = () => undefined;
    };
    source.set(model('small', 8));
    await events.next('published');
    await events.next('published');
    expect(JSON.stringify(heldEntries(edge, 'models'))).toContain('"weight":9');
  });
});

function waiting(events: EventRecorder, text: string) {
  return events.next('programmed', ({ conditions }) =>
    Boolean(conditions.get('AIModel/ai/small')?.message.includes(text)),
  );
}
