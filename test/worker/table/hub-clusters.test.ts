import { reset } from 'cloudflare:test';
import { afterEach, describe, expect, test } from 'vitest';
import { clusterHistory, hubState } from '../../../contract/publish-api.ts';
import { pointerKey } from '../../../contract/storage-keys.ts';
import { KEPT_REVISIONS } from '../../../worker/table/retention.ts';
import { aModel, aRoute, makeTable, smallTable } from './make-table.ts';
import { question, refused, withHub } from './test-hub.ts';
import {
  CLUSTER,
  FIRST_KEY,
  OTHER_CLUSTER,
  OTHER_KEY,
  SECOND_KEY,
  TEST_EDGE_VARIABLES,
  trusting,
} from './test-keys.ts';
import { CLUSTER_UID, LAB, PROD, signedPointer, TestPublisher } from './test-publisher.ts';

afterEach(() => reset());

describe('several clusters on one edge', () => {
  test('publish each for itself, and a poll brings what it asks about', async () => {
    await withHub(async ({ hub }) => {
      const prod = await new TestPublisher(hub).publish(await smallTable());
      const lab = await new TestPublisher(hub, LAB).publish({ models: { 'team/m': aModel() } });
      const answer = await hub.poll(question({ [CLUSTER]: null, [OTHER_CLUSTER]: null }));
      expect(answer.clusters).toMatchObject({ [CLUSTER]: { revision: prod }, [OTHER_CLUSTER]: { revision: lab } });
      const other = await hub.poll(question({ [OTHER_CLUSTER]: lab, 'unheard-of': null }));
      expect(Object.keys(other.clusters)).toEqual([OTHER_CLUSTER]);
      expect(other.clusters[OTHER_CLUSTER]).not.toHaveProperty('jws');
    });
  });

  test('cannot sign for each other', async () => {
    await withHub(async ({ hub }) => {
      const table = await makeTable(await smallTable());
      const outcome = refused(await new TestPublisher(hub).push(table, { key: OTHER_KEY }));
      expect(outcome).toMatchObject({ rule: 'signature', current: null });
      expect(outcome.message).toContain('no key with the id "other" may sign it');
    });
  });

  test('cannot pass off a table of theirs as the other one', async () => {
    await withHub(async ({ hub }) => {
      const prod = new TestPublisher(hub);
      await prod.claimTerm();
      await new TestPublisher(hub, LAB).claimTerm();
      const table = await makeTable(await smallTable());
      await prod.putBlobs(table);
      const asLab = await prod.sign(table, { key: OTHER_KEY, change: { cluster: CLUSTER } });
      expect(refused(await hub.admit(OTHER_CLUSTER, asLab))).toMatchObject({ rule: 'cluster' });
    });
  });

  test('count an isolate once, so that it asks as often as for one', async () => {
    const local = { FAIRLEAD_LOCAL: 'false' };
    await withHub(
      async ({ hub }) => {
        const ask = (isolate: string) => hub.poll(question({ [CLUSTER]: null, [OTHER_CLUSTER]: null }, { isolate }));
        for (let i = 0; i < 9; i++) await ask(`i${i}`);
        expect((await ask('i9')).nextPollMs).toBe(14_400);
      },
      { variables: local },
    );
  });

  test('that are no longer listed are not served, and are not forgotten either', async () => {
    const revision = await withHub(async ({ hub }) => new TestPublisher(hub, LAB).publish(await smallTable()));
    const ask = question({ [OTHER_CLUSTER]: null });
    const unlisted = await withHub(async ({ hub }) => hub.poll(ask), { variables: TEST_EDGE_VARIABLES });
    expect(unlisted.clusters).toEqual({});
    const listed = await withHub(async ({ hub }) => hub.poll(ask));
    expect(listed.clusters[OTHER_CLUSTER]).toMatchObject({ revision });
  });

  test('are told which of their routes give way, and to whom', async () => {
    await withHub(async ({ hub }) => {
      const routes = {
        'team/same': aRoute({ hostnames: ['a.example.com'] }),
        'team/other-model': aRoute({ hostnames: ['a.example.com'], models: { special: 'team/special' } }),
        'team/other-path': aRoute({ hostnames: ['a.example.com'], pathPrefix: '/lab' }),
      };
      const held = {
        'prod/route': aRoute({ hostnames: ['b.example.com', 'a.example.com'], created: '2030-01-01T00:00:00Z' }),
      };
      const lab = new TestPublisher(hub, LAB);
      await lab.publish({ routes }, 2);
      expect((await hub.state(OTHER_CLUSTER)).conflicts).toEqual([]);
      await new TestPublisher(hub).publish({ routes: held });
      const state = await hub.state(OTHER_CLUSTER);
      expect(state.conflicts).toEqual([{ route: 'team/same', with: { cluster: CLUSTER, route: 'prod/route' } }]);
      expect(hubState.parse(state)).toEqual(state);
      expect((await hub.state(CLUSTER)).conflicts).toEqual([]);
      await lab.publish({ routes: { 'team/other-path': routes['team/other-path'] } });
      expect((await hub.state(OTHER_CLUSTER)).conflicts).toEqual([]);
    });
  });
});

describe('a cluster that was created anew', () => {
  const recreated = { ...PROD, clusterUid: 'uid-2' };

  test('publishes again once the operator has named its UID, above all that was served before', async () => {
    await withHub(async ({ hub }) => {
      const publisher = new TestPublisher(hub);
      await publisher.claimTerm({ term: 6, sequence: 0 });
      await publisher.publish(await smallTable());
      const claim = refused(await hub.claimTerm(CLUSTER, { clusterUid: 'uid-2', floor: null }));
      expect(claim.message).toContain('set "uid": "uid-2" for it in FAIRLEAD_CLUSTERS');
    });
    const adopting = {
      FAIRLEAD_CLUSTERS: JSON.stringify([{ ...trusting(CLUSTER, FIRST_KEY, SECOND_KEY), uid: 'uid-2' }]),
    };
    const adopted = await withHub(
      async ({ hub }) => {
        const revision = await new TestPublisher(hub, recreated).publish({});
        expect((await hub.state(CLUSTER)).current?.pointer.generation).toEqual({ term: 8, sequence: 1 });
        const old = await hub.claimTerm(CLUSTER, { clusterUid: CLUSTER_UID, floor: null });
        expect(refused(old)).toMatchObject({ rule: 'cluster-uid' });
        return revision;
      },
      { variables: adopting },
    );
    // The pin has moved: the configuration need not name the UID for ever.
    await withHub(async ({ hub }) => {
      expect((await hub.state(CLUSTER)).current?.revision).toBe(adopted);
      expect(await hub.claimTerm(CLUSTER, { clusterUid: 'uid-2', floor: null })).toEqual({ term: 9 });
    });
  });
});

describe('the floor', () => {
  test('is what isolates serve, so that a wiped hub grants a term above it to an agent without memory', async () => {
    await withHub(async ({ hub }) => {
      const serving = question({ [CLUSTER]: 'abc' }, {}, { term: 7, sequence: 3 });
      const { clusters } = await hub.poll(serving);
      expect(clusters[CLUSTER]).toMatchObject({ revision: null, floor: { term: 7, sequence: 3 }, evicted: false });
      expect((await hub.state(CLUSTER)).floor).toEqual({ term: 7, sequence: 3 });
      expect(await hub.claimTerm(CLUSTER, { clusterUid: CLUSTER_UID, floor: null })).toEqual({ term: 8 });
    });
  });

  test('is what KV still has, once its signature was checked', async () => {
    await withHub(async ({ hub, kv }) => {
      const table = await makeTable(await smallTable());
      const publisher = new TestPublisher(hub);
      const generation = { term: 5, sequence: 2 };
      const jws = await publisher.sign(table, { generation, replaces: null });
      const claim = () => hub.claimTerm(CLUSTER, { clusterUid: CLUSTER_UID, floor: null });
      for (const untrusted of ['garbage', `${jws}x`, await publisher.sign(table, { generation, key: OTHER_KEY })]) {
        kv.set(pointerKey(CLUSTER), untrusted);
        expect(await claim()).not.toEqual({ term: 6 });
      }
      expect((await hub.state(CLUSTER)).floor).toBeNull();
      kv.set(pointerKey(CLUSTER), jws);
      expect(await claim()).toEqual({ term: 6 });
      expect((await hub.state(CLUSTER)).floor).toEqual(generation);
    });
  });

  test('that nobody can read does not keep an agent from publishing', async () => {
    const kv = {
      get: async () => Promise.reject(new Error('KV is down')),
      put: async () => undefined,
      delete: async () => undefined,
    };
    await withHub(
      async ({ hub, logged }) => {
        expect(await hub.claimTerm(CLUSTER, { clusterUid: CLUSTER_UID, floor: null })).toEqual({ term: 1 });
        expect(logged).toMatchObject([{ message: 'KV cannot be read; a term is granted without it' }]);
      },
      { kv },
    );
  });

  test('that came to light after the term was granted refuses what lies below it', async () => {
    await withHub(async ({ hub }) => {
      const publisher = new TestPublisher(hub);
      await publisher.claimTerm();
      await hub.poll(question({ [CLUSTER]: 'abc' }, {}, { term: 4, sequence: 1 }));
      const outcome = refused(await publisher.push(await makeTable({})));
      expect(outcome).toMatchObject({ rule: 'generation' });
      expect(outcome.message).toContain('claim a new term');
      await publisher.claimTerm();
      expect(await publisher.publish({})).toBeDefined();
      expect((await hub.state(CLUSTER)).floor).toEqual({ term: 5, sequence: 1 });
    });
  });
});

describe('eviction', () => {
  /** All of the term that an eviction takes for itself. */
  const FENCE = { term: 2, sequence: Number.MAX_SAFE_INTEGER };
  const evicted = async (use: Parameters<typeof withHub>[0]) =>
    withHub(async (test) => {
      const publisher = new TestPublisher(test.hub);
      await publisher.publish(await smallTable());
      await publisher.publish({});
      await new TestPublisher(test.hub, LAB).publish({});
      await test.wake();
      await test.hub.evict(CLUSTER);
      return use(test);
    });

  test('ends what is served of the cluster, and of no other', async () => {
    await evicted(async (test) => {
      const { hub, kv } = test;
      const { clusters } = await hub.poll(question({ [CLUSTER]: 'abc', [OTHER_CLUSTER]: null }));
      expect(clusters[CLUSTER]).toEqual({
        revision: null,
        recent: [],
        floor: FENCE,
        evicted: true,
        signals: [],
      });
      expect(clusters[OTHER_CLUSTER]).toMatchObject({ revision: expect.any(String), evicted: false });
      expect(await hub.state(CLUSTER)).toMatchObject({ current: null, floor: FENCE, term: 2 });
      expect(await hub.history(CLUSTER)).toEqual({ revisions: [] });
      expect(kv.has(pointerKey(CLUSTER))).toBe(true);
      test.time += 1_000;
      await test.wake();
      expect(kv.has(pointerKey(CLUSTER))).toBe(false);
      expect(kv.has(pointerKey(OTHER_CLUSTER))).toBe(true);
    });
  });

  test('holds after a restart of the hub', async () => {
    await evicted(async () => undefined);
    await withHub(async ({ hub }) => {
      const { clusters } = await hub.poll(question({ [CLUSTER]: null }));
      expect(clusters[CLUSTER]).toMatchObject({ evicted: true, floor: FENCE });
    });
  });

  test('takes from KV what an attacker put there for a cluster that the hub does not know', async () => {
    await withHub(async (test) => {
      const { hub, kv } = test;
      kv.set(pointerKey(CLUSTER), 'an old pointer');
      await hub.evict(CLUSTER);
      await test.wake();
      expect(kv.has(pointerKey(CLUSTER))).toBe(false);
    });
  });

  test('fences the agent that published before', async () => {
    await withHub(async ({ hub }) => {
      const publisher = new TestPublisher(hub);
      await publisher.publish(await smallTable());
      await hub.evict(CLUSTER);
      const outcome = await publisher.push(await makeTable({}), { replaces: null });
      expect(refused(outcome)).toMatchObject({ rule: 'generation', current: null });
    });
  });

  test('is not undone by a table of the very term that it took, as one from before a wipe of the hub may be', async () => {
    await withHub(async ({ hub }) => {
      await hub.evict(CLUSTER);
      const table = await makeTable({});
      const publisher = new TestPublisher(hub);
      await publisher.putBlobs(table);
      const jws = await signedPointer(table, { generation: { term: 1, sequence: 1 }, replaces: null });
      expect(refused(await hub.admit(CLUSTER, jws))).toMatchObject({
        rule: 'generation',
        message: expect.stringContaining('claim a new term'),
      });
    });
  });

  test('forgets the UID, and ends with the next admission, above what was evicted', async () => {
    await evicted(async ({ hub }) => {
      const publisher = new TestPublisher(hub, { ...PROD, clusterUid: 'uid-2' });
      const revision = await publisher.publish(await smallTable());
      const { clusters } = await hub.poll(question({ [CLUSTER]: null }));
      expect(clusters[CLUSTER]).toMatchObject({ revision, evicted: false, floor: { term: 3, sequence: 1 } });
    });
  });
});

describe('the history', () => {
  test('has the kept revisions whole, the newest first, with the time of their admission', async () => {
    await withHub(async (test) => {
      const publisher = new TestPublisher(test.hub);
      const revisions: string[] = [];
      for (let i = 0; i < KEPT_REVISIONS + 1; i++) {
        revisions.push(await publisher.publish({ models: { 'team/m': aModel({ modelName: `m${i}` }) } }));
        test.time += 1_000;
      }
      const history = await test.hub.history(CLUSTER);
      expect(history.revisions.map(({ revision }) => revision)).toEqual(
        revisions.toReversed().slice(0, KEPT_REVISIONS),
      );
      expect(history.revisions[0]).toMatchObject({ admittedAt: '2026-01-01T00:00:11.000Z' });
      expect(clusterHistory.parse(history)).toEqual(history);
    });
  });
});

describe('signals', () => {
  const report = { ttlMs: 10_000, signals: [{ provider: 'team/gpu', ready: 0, waiting: 3 }] };

  test('ride on the answers to polls of their cluster for as long as they hold', async () => {
    await withHub(async (test) => {
      const ask = async () => {
        const { clusters } = await test.hub.poll(question({ [CLUSTER]: null, [OTHER_CLUSTER]: null }));
        return [clusters[CLUSTER]?.signals, clusters[OTHER_CLUSTER]?.signals];
      };
      await test.hub.takeSignals(CLUSTER, report);
      test.time += 4_000;
      expect(await ask()).toEqual([[{ ...report.signals[0], forMs: 6_000 }], []]);
      test.time += 6_000;
      expect(await ask()).toEqual([[], []]);
    });
  });

  test('are replaced all together, and do not live longer where the clock is set back', async () => {
    await withHub(async (test) => {
      await test.hub.takeSignals(CLUSTER, report);
      await test.hub.takeSignals(CLUSTER, { ttlMs: 5_000, signals: [{ provider: 'team/cpu', ready: 2 }] });
      test.time -= 60_000;
      const { clusters } = await test.hub.poll(question({ [CLUSTER]: null }));
      expect(clusters[CLUSTER]?.signals).toEqual([{ provider: 'team/cpu', ready: 2, forMs: 5_000 }]);
    });
  });
});
