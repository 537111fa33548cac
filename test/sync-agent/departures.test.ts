import { describe, expect, test } from 'vitest';
import type { Resource } from '../../crds/parse-resource.ts';
import type { DeletionHold } from '../../sync-agent/departures.ts';
import type { ResourceOf } from '../../sync-agent/snapshot.ts';
import { fakeEdge } from './support/edge-bench.ts';
import { EDGE } from './support/fake-edge.ts';
import { gateway, gatewayWith, keysSecret, MemorySource, model, smallTable } from './support/local-resources.ts';
import { manualClock } from './support/manual-clock.ts';
import { advanceUntil, isDeadline, startAgent, untilObserved } from './support/start-agent.ts';

/** The gateway as it is once it was deleted, and is held. */
function going(spec: Partial<ResourceOf<'EdgeGateway'>['spec']> = { deletionPolicy: 'Evict' }): Resource {
  const { metadata, ...rest } = gatewayWith(spec);
  const deletionTimestamp = '2026-11-01T00:00:00Z';
  return { ...rest, metadata: { ...metadata, deletionTimestamp, finalizers: ['fairlead.dev/edge'] } };
}

const others = () => smallTable().slice(1);
const evictable = () => [...others(), gatewayWith({ deletionPolicy: 'Evict' })];

/** A hold that remembers what was wanted last of each EdgeGateway. */
function recordingHold() {
  const wanted = new Map<string, boolean>();
  const released = Promise.withResolvers<void>();
  const hold: DeletionHold = {
    want: (edge, isHeld) => {
      if (wanted.get(edge) === true && !isHeld) released.resolve();
      wanted.set(edge, isHeld);
    },
  };
  return { hold, wanted, released: released.promise };
}

describe('an EdgeGateway of a cluster', () => {
  test('is held where it is to be evicted, and not where its edge is to go on', async () => {
    const { hold, wanted } = recordingHold();
    const { source, events } = startAgent(evictable(), { hold });
    await events.next('served');
    expect(wanted.get('ai/edge')).toBe(true);
    source.set(gateway());
    await expect.poll(() => wanted.get('ai/edge')).toBe(false);
  });

  test('is evicted when it is deleted, and only then let go', async () => {
    const { hold, released } = recordingHold();
    const { source, edge, events } = startAgent(evictable(), { hold });
    await events.next('served');
    source.set(going());
    await events.next('evicted');
    await released;
    expect([edge.current, edge.calls('evict')]).toEqual([null, 1]);
  });

  test('waits for an edge that is away, and says how to do without', async () => {
    const clock = manualClock(isDeadline);
    const edge = fakeEdge(clock);
    const { hold, wanted, released } = recordingHold();
    const { source, events } = startAgent(evictable(), { edge, clock, hold });
    await advanceUntil(clock, events.next('served'), 10);
    edge.mishap = () => 'refused-connection';
    source.set(going());
    const { sentence } = await advanceUntil(clock, events.next('failed'), 100);
    expect(sentence).toMatch(/^not evicted yet: .*kubectl patch edgegateway edge -n ai .*"deletionPolicy":"Retain"/);
    await clock.advance(600_000);
    expect(wanted.get('ai/edge')).toBe(true);
    edge.mishap = () => undefined;
    await advanceUntil(clock, released, 1_000);
    expect(edge.current).toBeNull();
  });

  test('is let go at once when it is to be retained after all, though its edge is away', async () => {
    const clock = manualClock(isDeadline);
    const edge = fakeEdge(clock);
    const { hold, released } = recordingHold();
    const { source, events } = startAgent(evictable(), { edge, clock, hold });
    await advanceUntil(clock, events.next('served'), 10);
    edge.mishap = () => 'refused-connection';
    source.set(going());
    await advanceUntil(clock, events.next('failed'), 100);
    source.set(going({ deletionPolicy: 'Retain' }));
    await advanceUntil(clock, released, 100);
    expect(edge.current).not.toBeNull();
  });

  test('is evicted by a new leader, that never saw it living', async () => {
    const clock = manualClock(isDeadline);
    const edge = fakeEdge(clock);
    const first = startAgent(evictable(), { edge, clock });
    await advanceUntil(clock, first.events.next('served'), 10);
    await first.stop();
    const { hold } = recordingHold();
    const { events } = startAgent([...others(), going()], { edge, clock, hold });
    await advanceUntil(clock, events.next('evicted'), 100);
    expect(edge.current).toBeNull();
  });

  test('that is held by others, and by none of us, is nothing for a new leader to evict', async () => {
    const clock = manualClock(isDeadline);
    const edge = fakeEdge(clock);
    const first = startAgent(evictable(), { edge, clock });
    await advanceUntil(clock, first.events.next('served'), 10);
    await first.stop();
    const resource = going();
    const foreign = { ...resource, metadata: { ...resource.metadata, finalizers: ['example.com/backup'] } };
    const { events } = startAgent([...others(), foreign], { edge, clock, hold: recordingHold().hold });
    await advanceUntil(clock, events.next('edges'), 100);
    for (let seconds = 0; seconds < 300; seconds += 10) await clock.advance(10_000);
    expect(edge.current).not.toBeNull();
  });

  test('waits for its keys', async () => {
    const clock = manualClock(isDeadline);
    const edge = fakeEdge(clock);
    const { hold } = recordingHold();
    const withoutKeys = others().filter(({ kind, metadata }) => kind !== 'Secret' || metadata.name !== 'keys');
    const { source, events } = startAgent([...withoutKeys, going()], { edge, clock, hold });
    const { sentence } = await advanceUntil(clock, events.next('failed'), 100);
    expect(sentence).toContain('its keys are not there');
    source.set(keysSecret());
    await advanceUntil(clock, events.next('evicted'), 1_000);
  });

  test('is let go without an eviction where another publishes to the same place', async () => {
    const { hold, released } = recordingHold();
    const { source, edge, events } = startAgent([...evictable(), gateway('other', EDGE)], { hold });
    await events.next('served');
    source.set(going());
    await released;
    await events.next('served', (event) => event.edge === 'ai/other');
    expect(edge.calls('evict')).toBe(0);
  });

  test('is no longer evicted once somebody took the finalizer away', async () => {
    const clock = manualClock(isDeadline);
    const edge = fakeEdge(clock);
    const { source, events } = startAgent(evictable(), { edge, clock, hold: recordingHold().hold });
    await advanceUntil(clock, events.next('served'), 10);
    edge.mishap = () => 'refused-connection';
    source.set(going());
    await advanceUntil(clock, events.next('failed'), 100);
    const read = untilObserved(source, source.observed + 1);
    source.remove('EdgeGateway/ai/edge');
    await advanceUntil(clock, read, 10);
    edge.mishap = () => undefined;
    // In many steps: between two of them there is time for what a try does beside waiting.
    for (let seconds = 0; seconds < 300; seconds += 10) await clock.advance(10_000);
    expect(edge.current).not.toBeNull();
  });

  test('is let go, and not evicted, where its whole kind is deleted', async () => {
    const { hold, wanted } = recordingHold();
    const source = new MemorySource(evictable());
    const { open } = source;
    let isDeleting = false;
    source.open = async (onChange, signal) => ({
      ...(await open(onChange, signal)),
      cluster: {
        stored: () => ({ uid: 'u', resourceVersion: '1', generation: 1, isDeleting, status: undefined }),
        endpoints: () => [],
      },
    });
    const { edge, events } = startAgent([], { source, hold, resyncMs: 5 });
    await events.next('served');
    expect(wanted.get('ai/edge')).toBe(true);
    isDeleting = true;
    await expect.poll(() => wanted.get('ai/edge')).toBe(false);
    expect(edge.calls('evict')).toBe(0);
  });

  test('is not let go by an agent that ends while it evicts', async () => {
    const clock = manualClock(isDeadline);
    const edge = fakeEdge(clock);
    const { hold, wanted } = recordingHold();
    const { source, events, stop } = startAgent(evictable(), { edge, clock, hold });
    await advanceUntil(clock, events.next('served'), 10);
    edge.mishap = () => 'refused-connection';
    source.set(going());
    await advanceUntil(clock, events.next('failed'), 100);
    await stop();
    expect(wanted.get('ai/edge')).toBe(true);
  });

  test('that is going is gone for the routes that name it', async () => {
    const { hold } = recordingHold();
    const clock = manualClock(isDeadline);
    const edge = fakeEdge(clock);
    edge.mishap = ({ step }) => (step === 'evict' ? 'refused-connection' : undefined);
    const { source, events } = startAgent([...evictable(), gateway('other', 'https://other.test')], {
      edge,
      clock,
      hold,
    });
    await advanceUntil(
      clock,
      events.next('served', (event) => event.edge === 'ai/edge'),
      10,
    );
    source.set(going());
    const isMisled = await advanceUntil(
      clock,
      events.next('compiled', ({ edge, conditions }) => {
        const [accepted] = conditions.get('GatewayRoute/ai/chat') ?? [];
        return edge === 'ai/other' && accepted?.reason === 'NoMatchingParent';
      }),
      10,
    );
    expect(isMisled.edge).toBe('ai/other');
  });
});

describe('the EdgeGateways that there are', () => {
  test('are told at the start and whenever that changes, and where there is none what waits for one', async () => {
    const { source, events } = startAgent();
    expect(await events.next('edges')).toMatchObject({ edges: new Set(['ai/edge']) });
    source.remove('EdgeGateway/ai/edge');
    expect(await events.next('edges')).toMatchObject({ edges: new Set() });
    const { metadata, ...rest } = model('small');
    source.set({ ...rest, metadata: { ...metadata, generation: 7 } });
    const { unattached } = await events.next('edges', (event) => event.unattached.size > 0);
    expect([...unattached]).toEqual([['AIModel/ai/small', 7]]);
  });
});
