import { describe, expect, test } from 'vitest';
import { sha256Hex } from '../../../contract/encoding.ts';
import { joinTables } from '../../../worker/table/join-tables.ts';
import type { ClusterTable } from '../../../worker/table/served-table.ts';
import { FakeUpstream } from '../support/fake-upstream.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { answers, completion, refuses, STREAM_WITH_USAGE, streams } from '../support/openai-answers.ts';
import {
  backendEntry,
  consumerEntry,
  modelEntry,
  providerEntry,
  routeEntry,
  tableOfEntries,
} from '../support/table-of-entries.ts';
import { errorOf, KEY, KEY_DIGEST, TestEdge } from '../support/test-edge.ts';

const OTHERS_KEY = 'sk-bob-0123456789abcdef';
const OTHERS_DIGEST = await sha256Hex(OTHERS_KEY);
const bearer = (key: string) => ({ authorization: `Bearer ${key}` });
const overloaded = refuses(503, { message: 'overloaded' });

/** Both serve `demo`, `eu` first; `us` alone serves `local`. Ada is of `eu`, Bob of `us`. */
function twoClusters(unavailable: readonly string[] = []) {
  const eu = cluster('eu', { demo: 'default/demo' }, { [KEY_DIGEST]: consumerEntry() }, 0);
  const us = cluster(
    'us',
    { demo: 'default/demo', local: 'default/local' },
    { [OTHERS_DIGEST]: consumerEntry({ id: 'default/bob' }) },
    1,
  );
  return joinTables(unavailable.length === 0 ? [eu, us] : [eu], unavailable);
}

function cluster(name: string, models: Record<string, string>, consumers: object, priority: number): ClusterTable {
  const backends = [backendEntry({ name: `in-${name}`, priority })];
  const entries = {
    routes: { 'default/main': routeEntry({ models }) },
    models: { 'default/demo': modelEntry({ backends }), 'default/local': modelEntry({ modelName: 'local', backends }) },
    providers: { 'default/first': providerEntry({ baseURL: `https://${name}.example/v1` }) },
    consumers: { ...consumers },
  };
  return tableOfEntries(entries, `of-${name}`, name);
}

function edgeOf(upstream: FakeUpstream, table = twoClusters(), clock?: ManualClock): TestEdge {
  return new TestEdge({ upstream, tables: { table: () => table }, ...(clock && { clock }) });
}

describe('two clusters at one edge', () => {
  test.each([false, true])('fail over to each other (stream: %s)', async (stream) => {
    const upstream = new FakeUpstream()
      .on('eu.example', overloaded)
      .on('us.example', stream ? streams(STREAM_WITH_USAGE) : answers(completion()));
    const edge = edgeOf(upstream);
    const response = await edge.chat({ stream });
    await response.text();
    expect(response.status).toBe(200);
    expect(upstream.hosts).toEqual(['eu.example', 'us.example']);
    expect(response.headers.get('x-fairlead-backend')).toBe('in-us');
    expect(response.headers.get('x-fairlead-revision')).toBe('of-eu');
    expect(await edge.record()).toMatchObject({
      'fairlead.cluster': 'eu',
      'fairlead.backend.cluster': 'us',
      'fairlead.revision': 'of-eu',
    });
  });

  test('serve each its own consumers', async () => {
    const upstream = new FakeUpstream().on('eu.example', answers(completion())).on('us.example', answers(completion()));
    const edge = edgeOf(upstream);
    const ofUs = await edge.chat({ model: 'local' }, bearer(OTHERS_KEY));
    expect([ofUs.status, ofUs.headers.get('x-fairlead-revision')]).toEqual([200, 'of-us']);
    expect(await errorOf(await edge.chat({ model: 'local' }, bearer(KEY)))).toMatchObject({
      status: 404,
      code: 'model_not_found',
    });
    // The route of the cluster that is listed earlier is not his.
    expect((await edge.chat({}, bearer(OTHERS_KEY))).status).toBe(404);
  });

  test('name both revisions where no route was met', async () => {
    const response = await edgeOf(new FakeUpstream()).chat({}, bearer('sk-unknown'));
    expect([response.status, response.headers.get('x-fairlead-revision')]).toEqual([401, 'of-eu, of-us']);
  });

  test('remember failures each for itself: a provider of the same name is another', async () => {
    const upstream = new FakeUpstream().on('eu.example', overloaded).on('us.example', answers(completion()));
    const edge = edgeOf(upstream);
    for (let i = 0; i < 3; i++) await edge.chat();
    expect(upstream.hosts).toEqual(['eu.example', 'us.example', 'eu.example', 'us.example', 'us.example']);
  });
});

describe('while the table of one of them has not come', () => {
  test('the other is served, and what may be the missing one’s is to be tried again: 503, never 401 or 404', async () => {
    const edge = edgeOf(new FakeUpstream().on('eu.example', answers(completion())), twoClusters(['us']));
    expect((await edge.chat()).status).toBe(200);
    for (const response of [
      await edge.chat({}, bearer(OTHERS_KEY)),
      await edge.chat({ model: 'local' }),
      await edge.get('/v1/models/local'),
      await edge.request('/v1/models'),
    ]) {
      expect(response.headers.get('retry-after')).toBe('1');
      expect(await errorOf(response)).toMatchObject({ status: 503, code: 'not_ready' });
    }
  });
});

describe('a backend of which its cluster says that nothing is ready', () => {
  const table = joinTables([readyOrNot()], []);

  test('goes behind the others of its tier, for as long as that holds', async () => {
    const clock = new ManualClock();
    const upstream = new FakeUpstream().on('a.example', answers(completion())).on('b.example', answers(completion()));
    const edge = edgeOf(upstream, table, clock);
    const [usual = ''] = await hostsOf(edge, upstream);
    const provider = `default/${usual.slice(0, 1)}`;
    edge.readiness.take('eu', [{ provider, ready: 0, forMs: 5_000 }], clock.now());
    expect(await hostsOf(edge, upstream)).not.toEqual([usual]);
    await clock.advance(4_999);
    expect(await hostsOf(edge, upstream)).not.toEqual([usual]);
    await clock.advance(1);
    expect(await hostsOf(edge, upstream)).toEqual([usual]);
  });

  test.each([
    ['has some that are', 'eu', { ready: 1 }],
    ['is in another cluster', 'us', { ready: 0 }],
  ])('stays where it is if it %s', async (_, of, { ready }) => {
    const clock = new ManualClock();
    const upstream = new FakeUpstream().on('a.example', answers(completion())).on('b.example', answers(completion()));
    const edge = edgeOf(upstream, table, clock);
    const usual = await hostsOf(edge, upstream);
    const signals = ['a', 'b'].map((name) => ({ provider: `default/${name}`, ready, forMs: 5_000 }));
    edge.readiness.take(of, signals.slice(usual[0] === 'a.example' ? 0 : 1).slice(0, 1), clock.now());
    expect(await hostsOf(edge, upstream)).toEqual(usual);
  });

  test('is still asked where nothing else is left', async () => {
    const clock = new ManualClock();
    const upstream = new FakeUpstream().on('a.example', answers(completion())).on('b.example', overloaded);
    const edge = edgeOf(upstream, table, clock);
    edge.readiness.take('eu', [{ provider: 'default/a', ready: 0, forMs: 5_000 }], clock.now());
    expect((await edge.chat()).status).toBe(200);
    expect(upstream.hosts).toEqual(['b.example', 'a.example']);
  });
});

function readyOrNot(): ClusterTable {
  const names = ['a', 'b'];
  const backends = names.map((name) => backendEntry({ name, provider: `default/${name}` }));
  const entries = {
    routes: { 'default/main': routeEntry() },
    models: { 'default/demo': modelEntry({ backends }) },
    providers: Object.fromEntries(
      names.map((name) => [`default/${name}`, providerEntry({ baseURL: `https://${name}.example/v1` })]),
    ),
    consumers: { [KEY_DIGEST]: consumerEntry() },
  };
  return tableOfEntries(entries, 'of-eu', 'eu');
}

/** Whom the same conversation meets. */
async function hostsOf(edge: TestEdge, upstream: FakeUpstream): Promise<string[]> {
  const before = upstream.hosts.length;
  await edge.chat({ prompt_cache_key: 'conversation' });
  return upstream.hosts.slice(before);
}
