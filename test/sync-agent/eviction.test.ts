import { mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createAgent } from '../../sync-agent/agent.ts';
import { silentLogger } from '../../sync-agent/log.ts';
import { createDirectorySource } from '../../sync-agent/source/directory.ts';
import type { Problem } from '../../sync-agent/source/source.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { fakeEdge, heldRoutes } from './support/edge-bench.ts';
import { EventRecorder } from './support/event-recorder.ts';
import { EDGE } from './support/fake-edge.ts';
import { gateway, gatewayWith, model, smallTable } from './support/local-resources.ts';
import { manualClock } from './support/manual-clock.ts';
import { advanceUntil, isDeadline, startAgent } from './support/start-agent.ts';

const evictable = () => [...smallTable().slice(1), gatewayWith({ deletionPolicy: 'Evict' })];

describe('an EdgeGateway with deletionPolicy Evict', () => {
  test('takes with it what it published when it is deleted, and the agent goes on', async () => {
    const { source, edge, events } = startAgent(evictable());
    await events.next('served');
    source.remove('EdgeGateway/ai/edge');
    expect(await events.next('evicted')).toEqual({ type: 'evicted', edge: 'ai/edge' });
    expect([edge.current, edge.calls('evict')]).toEqual([null, 1]);
    source.set(gateway());
    expect(await events.next('served')).toMatchObject({ edge: 'ai/edge' });
    expect(Object.keys(heldRoutes(edge))).toEqual(['ai/chat']);
  });

  test('is evicted as soon as its edge can be reached', async () => {
    const clock = manualClock(isDeadline);
    const edge = fakeEdge(clock);
    const { source, events } = startAgent(evictable(), { edge, clock });
    await advanceUntil(clock, events.next('served'), 10);
    edge.mishap = () => 'refused-connection';
    source.remove('EdgeGateway/ai/edge');
    const { sentence, retryInMs } = await advanceUntil(clock, events.next('failed'), 100);
    expect(sentence).toMatch(/^not evicted yet: the edge https:\/\/edge.test cannot be reached/);
    expect(retryInMs).toBe(500);
    await advanceUntil(clock, events.next('failed'), 100);
    edge.mishap = () => undefined;
    await advanceUntil(clock, events.next('evicted'), 1000);
    expect(edge.current).toBeNull();
  });

  test('is not evicted any more once it is there again', async () => {
    const clock = manualClock(isDeadline);
    const edge = fakeEdge(clock);
    const { source, events } = startAgent(evictable(), { edge, clock });
    await advanceUntil(clock, events.next('served'), 10);
    edge.mishap = ({ step }) => (step === 'evict' ? 'refused-connection' : undefined);
    source.remove('EdgeGateway/ai/edge');
    await advanceUntil(clock, events.next('failed'), 100);
    source.set(gateway(), model('small', 2));
    await advanceUntil(clock, events.next('served'), 100);
    const tries = edge.calls('evict');
    edge.mishap = () => undefined;
    await clock.advance(120_000);
    expect([edge.calls('evict'), events.of('evicted')]).toEqual([tries, []]);
  });

  test('is not evicted where another EdgeGateway publishes to the same place', async () => {
    const { source, edge, events } = startAgent([...evictable(), gateway('other', EDGE)]);
    await events.next('served');
    source.remove('EdgeGateway/ai/edge');
    await events.next('served', (event) => event.edge === 'ai/other');
    expect(edge.calls('evict')).toBe(0);
  });

  test('is not evicted when the agent ends', async () => {
    const { edge, events, stop } = startAgent(evictable());
    await events.next('served');
    await stop();
    expect(edge.calls('evict')).toBe(0);
    expect(edge.current).not.toBeNull();
  });

  test('ends with the agent though its edge cannot be reached', async () => {
    const { source, edge, events, stop } = startAgent(evictable());
    await events.next('served');
    edge.mishap = ({ step }) => (step === 'evict' ? new Response('down', { status: 503 }) : undefined);
    source.remove('EdgeGateway/ai/edge');
    await events.next('no-edge');
    await stop();
    expect(edge.current).not.toBeNull();
  });
});

describe('a folder with such an EdgeGateway', () => {
  test('evicts nothing when it vanishes or is emptied, and does when the file alone is deleted', async () => {
    const folder = await temporaryFolder();
    const dir = join(folder.path, 'resources');
    for (const resource of evictable())
      await folder.write(`resources/${resource.kind}-${resource.metadata.name}.json`, JSON.stringify(resource));
    const edge = fakeEdge({ now: Date.now });
    const events = new EventRecorder();
    const stopping = new AbortController();
    const source = createDirectorySource({ dir });
    const agent = createAgent({ source, sink: events, logger: silentLogger, fetch: edge.fetch, debounceMs: 1 });
    const ended = agent.run(stopping.signal);
    const saysItStays = (problems: readonly Problem[]) =>
      problems.some(({ sentence }) => sentence.includes('resources stay'));
    try {
      await events.next('served');
      await rename(dir, `${dir}-away`);
      await events.next('problems', ({ problems }) => saysItStays(problems));
      await mkdir(dir);
      await events.next('problems', ({ problems }) =>
        problems.some(({ sentence }) => sentence.includes('holds no file')),
      );
      await rename(`${dir}-away`, dir);
      await events.next('problems', ({ problems }) => problems.length === 0);
      expect(edge.calls('evict')).toBe(0);
      await folder.remove('resources/EdgeGateway-edge.json');
      await events.next('evicted');
      expect(edge.current).toBeNull();
    } finally {
      stopping.abort();
      await ended;
      await folder.dispose();
    }
  });
});
