import { unobserved } from '../../sync-agent/pass.ts';
import { afterEach, describe, expect, test } from 'vitest';
import type { RoutedService } from '../../sync-agent/compile/compilation.ts';
import { createCompiler, type Compiler } from '../../sync-agent/compile/compile.ts';
import { EdgeController, type SignalFeed } from '../../sync-agent/controller.ts';
import type { SightingWanted } from '../../sync-agent/inference/sighting.ts';
import { silentLogger } from '../../sync-agent/log.ts';
import type { ResourceOf, SnapshotChange } from '../../sync-agent/snapshot.ts';
import { CLUSTER_UID, fakeEdge, publisherTo } from './support/edge-bench.ts';
import { EventRecorder } from './support/event-recorder.ts';
import { model, smallTable } from './support/local-resources.ts';
import { manualClock, settle } from './support/manual-clock.ts';
import { advanceUntil, isDeadline } from './support/start-agent.ts';
import { wantedSighting, wantedSightings } from './support/wanted-sighting.ts';

const A = wantedSighting('ai/a');
const stopping = new Set<() => Promise<void>>();
afterEach(async () => {
  for (const stop of stopping) await stop();
  stopping.clear();
});

/** A controller whose compiler wants sightings, beside a small table that needs none. */
function start({ wanted = [A], edge = fakeEdge() }: { wanted?: SightingWanted[]; edge?: ReturnType<typeof fakeEdge> }) {
  const clock = manualClock((ms) => isDeadline(ms) && wanted.length === 0);
  const compiler = compilerThatWants(wanted);
  const events = new EventRecorder();
  const heard: (readonly RoutedService[])[] = [];
  let feed: SignalFeed | undefined;
  let isStopped = false;
  const controller = new EdgeController({
    edge: 'ai/edge',
    clusterUid: CLUSTER_UID,
    shrink: 'Warn',
    compiler,
    openPublisher: () => publisherTo(edge, { clock: { ...clock, now: edge.now } }),
    startSignals: (given) => {
      feed = given;
      return {
        changed: () => heard.push(given.services()),
        stop: async () => {
          isStopped = true;
        },
      };
    },
    sink: events,
    passes: unobserved,
    logger: silentLogger,
    clock,
    random: () => 1,
  });
  const over = new AbortController();
  const ended = controller.run(over.signal);
  stopping.add(async () => {
    over.abort(new Error('the test is over'));
    await ended;
  });
  controller.offer(smallTable().map((resource) => ({ type: 'Set', resource })));
  const stop = () => over.abort(new Error('stopped'));
  return {
    edge,
    clock,
    compiler,
    events,
    heard,
    controller,
    ended,
    stop,
    feed: () => feed,
    isStopped: () => isStopped,
  };
}

interface WantingCompiler extends Compiler {
  wanted: readonly SightingWanted[];
  /** The sightings that it was told of. */
  readonly sightings: ResourceOf<'EdgeSighting'>[];
  services: ReadonlyMap<string, readonly RoutedService[]>;
}

function compilerThatWants(wanted: readonly SightingWanted[]): WantingCompiler {
  const real = createCompiler('ai/edge');
  const compiler: WantingCompiler = {
    wanted,
    sightings: [],
    services: new Map(),
    apply(changes) {
      const list: SnapshotChange[] = [...changes];
      for (const change of list)
        if (change.type === 'Set' && change.resource.kind === 'EdgeSighting') compiler.sightings.push(change.resource);
      real.apply(list);
    },
    compile: () => ({
      ...real.compile(),
      sightings: wantedSightings(...compiler.wanted),
      services: compiler.services,
    }),
  };
  return compiler;
}

describe('what the edge sees, before the first plan', () => {
  test('is asked and compiled before anything is planned', async () => {
    const { edge, compiler, events } = start({});
    edge.sees = () => ({ type: 'Seen', path: '/v1', models: ['llama'] });
    await events.next('published');
    expect(edge.log.indexOf('look')).toBeLessThan(edge.log.indexOf('missing'));
    expect(compiler.sightings).toMatchObject([{ digest: 'd1', sighting: { type: 'Seen' } }]);
    expect(edge.admitted).toHaveLength(1);
  });

  test('is known when the resources are first reported of: nothing that is served is doubted for want of a look', async () => {
    const edge = fakeEdge();
    const answer = Promise.withResolvers<void>();
    edge.before = ({ step }) => (step === 'look' ? answer.promise : undefined);
    const { compiler, events } = start({ edge });
    let told = 0;
    const first = events.next('compiled').then(() => (told = compiler.sightings.length));
    while (edge.calls('look') === 0) await settle();
    answer.resolve();
    await first;
    expect(told).toBe(1);
  });

  test('is waited for ten seconds at most', async () => {
    const edge = fakeEdge();
    edge.mishap = ({ step }) => (step === 'look' ? 'hangs' : undefined);
    const { compiler, clock, events } = start({ edge });
    while (edge.calls('look') === 0) await settle();
    await settle();
    await clock.advance(9999);
    await settle();
    expect(edge.calls('missing')).toBe(0);
    await clock.advance(1);
    await events.next('published');
    expect(compiler.sightings).toMatchObject([{ sighting: { type: 'Unasked' } }]);
  });

  test('does not hold up the news that the edge cannot be reached', async () => {
    const edge = fakeEdge();
    edge.mishap = () => 'refused-connection';
    const { compiler, clock, events } = start({ edge });
    expect(await advanceUntil(clock, events.next('failed'), 100)).toMatchObject({ code: 'unreachable' });
    expect(compiler.sightings).toEqual([]);
    edge.mishap = () => undefined;
    edge.sees = () => ({ type: 'Seen', path: '/v1', models: ['llama'] });
    await clock.advance(500);
    await events.next('published');
    expect(compiler.sightings).toMatchObject([{ sighting: { type: 'Seen' } }]);
  });
});

describe('what the edge sees, later on', () => {
  test('is waited for by no pass, and wakes the next one', async () => {
    const { edge, compiler, controller, events } = start({ wanted: [] });
    await events.next('published');
    const answer = Promise.withResolvers<void>();
    edge.before = ({ step }) => (step === 'look' ? answer.promise : undefined);
    compiler.wanted = [A];
    controller.offer([{ type: 'Set', resource: model('small', 3) }]);
    await events.next('published');
    expect(edge.calls('look')).toBe(1);
    expect(compiler.sightings).toEqual([]);
    answer.resolve();
    while (compiler.sightings.length === 0) await settle();
    expect(compiler.sightings).toMatchObject([{ digest: 'd1', sighting: { type: 'NotSeen' } }]);
  });
});

describe('signals', () => {
  const service = (provider: string): RoutedService => ({
    service: 'InferenceService/ai/llama',
    provider,
    state: { phase: 'Ready', message: '' },
    replicas: { ready: 1, desired: 1 },
    accelerator: undefined,
    url: undefined,
  });

  test('are gathered of every service once, however many models it serves', async () => {
    const { compiler, controller, heard, events } = start({ wanted: [] });
    await events.next('published');
    compiler.services = new Map([
      ['AIModel/ai/a', [service('ai/a'), service('ai/b')]],
      ['AIModel/ai/b', [service('ai/b')]],
    ]);
    controller.offer([{ type: 'Set', resource: model('small', 3) }]);
    await events.next('published');
    expect(heard.at(-1)?.map(({ provider }) => provider)).toEqual(['ai/a', 'ai/b']);
    const before = heard.length;
    controller.offer([{ type: 'Set', resource: model('small', 4) }]);
    await events.next('published');
    expect(heard).toHaveLength(before);
  });

  test('go to the edge that is published to', async () => {
    const { edge, events, feed } = start({ wanted: [] });
    await events.next('published');
    const report = { ttlMs: 15_000, signals: [{ provider: 'ai/a', ready: 1 }] };
    await feed()?.send(report, new AbortController().signal);
    expect(edge.reports).toEqual([report]);
  });

  test('end with the controller', async () => {
    const { events, stop, ended, isStopped } = start({ wanted: [] });
    await events.next('published');
    expect(isStopped()).toBe(false);
    stop();
    await ended;
    expect(isStopped()).toBe(true);
  });
});
