import * as fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { INBOX_TTL_SECONDS, inboxBlobKey, inboxLatestKey, inboxRevisionKey } from '../../../contract/storage-keys.ts';
import { PublishFailure } from '../../../sync-agent/publish/publish-failure.ts';
import type { Publisher } from '../../../sync-agent/publish/publisher.ts';
import { isRedisServerMissing } from '../../support/redis-server.ts';
import { bring, heldRoutes, openedSecrets, type TableContent } from '../support/edge-bench.ts';
import { failureOf } from '../support/failure-of.ts';
import { CLUSTER, type Mishap } from '../support/fake-edge.ts';
import { kvBench, redisBench, type InboxBench } from '../support/inbox-bench.ts';

const content: TableContent = { routes: { 'ai/chat': { a: 1 }, 'ai/code': { a: 2 } }, secrets: { aa: 'sk-1' } };
const otherContent: TableContent = { routes: { 'ai/chat': { a: 3 } }, secrets: { aa: 'sk-1', bb: 'sk-2' } };
const thirdContent: TableContent = { routes: { 'ai/chat': { a: 4 } }, secrets: { aa: 'sk-1' } };

const kinds = [
  { inbox: 'CloudflareKV', open: () => kvBench(), skipped: false, storeName: 'the KV namespace' },
  { inbox: 'UpstashRedis', open: redisBench, skipped: isRedisServerMissing(), storeName: 'the Redis database' },
] as const;

describe.each(kinds)('publishing through an inbox in $inbox', ({ open, skipped, storeName }) => {
  const benches: InboxBench[] = [];
  const bench = async () => {
    const opened = await open();
    benches.push(opened);
    return opened;
  };
  afterEach(async () => {
    for (const opened of benches.splice(0)) await opened.stop();
  });

  test.skipIf(skipped)('a table goes into the inbox, then the edge is told, and fetches it', async () => {
    const { edge, publisher, requests } = await bench();
    const { published, held } = await bring(await publisher(), content);
    expect(published).toBe(true);
    expect(edge.log).toEqual(['term', 'state', 'missing', 'notice']);
    expect(requests).toEqual(['write', 'write']);
    expect(held.revision).toBe(edge.current?.revision);
    expect(heldRoutes(edge)).toEqual(content.routes);
    expect(await openedSecrets(edge)).toEqual(content.secrets);
  });

  test.skipIf(skipped)('only the blobs that the edge lacks are put, and an unchanged table is not', async () => {
    const { edge, publisher, requests, store } = await bench();
    const first = await publisher();
    await bring(first, content);
    expect((await bring(first, content)).published).toBe(false);
    expect(requests).toHaveLength(2);
    await bring(first, thirdContent);
    expect(requests).toHaveLength(4);
    expect(edge.current?.pointer.generation).toEqual({ term: 1, sequence: 2 });
    expect(await store.get(inboxRevisionKey(CLUSTER, String(edge.current?.revision)))).toBeUndefined();
  });

  test.skipIf(skipped)('a restarted agent reads the sealed secrets back and puts nothing', async () => {
    const { edge, publisher, requests } = await bench();
    await bring(await publisher(), content);
    expect((await bring(await publisher(), content)).published).toBe(false);
    expect(requests).toHaveLength(2);
    expect(edge.admitted).toHaveLength(1);
  });

  describe('while the edge cannot be asked', () => {
    const down = (edge: InboxBench['edge']) => {
      edge.mishap = () => 'refused-connection';
    };
    const up = (edge: InboxBench['edge']) => {
      edge.mishap = () => undefined;
    };

    test.skipIf(skipped)('a change waits in the inbox, a sentence says so, and nothing is put twice', async () => {
      const { edge, publisher, requests } = await bench();
      const agent = await publisher();
      await bring(agent, content);
      down(edge);
      const failure = await failureOf(bring(agent, otherContent));
      expect(failure.fault).toBe('in-inbox');
      expect(failure.message).toContain('the edge https://edge.test cannot be reached (connect ECONNREFUSED');
      expect(failure.message).toMatch(/Revision [0-9a-f]{12} lies in the inbox \(/);
      expect(failure.message).toContain(storeName);
      expect(failure.message).toContain('the edge admits it when it is back');
      const putOnce = requests.length;
      for (let pass = 0; pass < 3; pass++) expect((await failureOf(bring(agent, otherContent))).fault).toBe('in-inbox');
      expect(requests).toHaveLength(putOnce);
      up(edge);
      await edge.lookIntoInbox();
      expect(heldRoutes(edge)).toEqual(otherContent.routes);
      expect((await bring(agent, otherContent)).published).toBe(false);
      expect(await openedSecrets(edge)).toEqual(otherContent.secrets);
    });

    test.skipIf(skipped)(
      'what the edge holds is not taken for empty: who has to judge by it is told to wait',
      async () => {
        const { edge, publisher } = await bench();
        const agent = await publisher();
        await bring(agent, content);
        down(edge);
        const signal = new AbortController().signal;
        const { held } = await agent.read(signal);
        const [hash = ''] = held?.pointer.sections.routes ?? [];
        const failure = await failureOf(agent.readBlobs([hash], signal));
        expect(failure.fault).toBe('unreachable');
      },
    );

    test.skipIf(skipped)(
      'what waits is admitted by the first pass after, if the hub has not looked before',
      async () => {
        const { edge, publisher, requests } = await bench();
        const agent = await publisher();
        await bring(agent, content);
        down(edge);
        await failureOf(bring(agent, otherContent));
        const putOnce = requests.length;
        up(edge);
        expect((await bring(agent, otherContent)).published).toBe(true);
        expect(requests).toHaveLength(putOnce);
        expect(edge.admitted).toHaveLength(2);
      },
    );

    test.skipIf(skipped)('of two changes the later is what the hub finds', async () => {
      const { edge, publisher } = await bench();
      const agent = await publisher();
      await bring(agent, content);
      down(edge);
      await failureOf(bring(agent, otherContent));
      await failureOf(bring(agent, thirdContent));
      await edge.lookIntoInbox();
      expect(heldRoutes(edge)).toEqual(thirdContent.routes);
      expect(edge.current?.pointer.generation).toEqual({ term: 1, sequence: 3 });
    });

    test.skipIf(skipped)('a change after one that the hub has fetched meanwhile replaces that one', async () => {
      const { edge, publisher } = await bench();
      const agent = await publisher();
      await bring(agent, content);
      down(edge);
      await failureOf(bring(agent, otherContent));
      await edge.lookIntoInbox();
      await failureOf(bring(agent, thirdContent));
      await edge.lookIntoInbox();
      expect(heldRoutes(edge)).toEqual(thirdContent.routes);
    });

    test.skipIf(skipped)('a change that is taken back leaves the hub with the table that it has', async () => {
      const { edge, publisher } = await bench();
      const agent = await publisher();
      await bring(agent, content);
      down(edge);
      await failureOf(bring(agent, otherContent));
      expect((await failureOf(bring(agent, content))).fault).toBe('in-inbox');
      await edge.lookIntoInbox();
      expect(heldRoutes(edge)).toEqual(content.routes);
    });

    test.skipIf(skipped)('without a change nothing is put, and the edge is what is complained of', async () => {
      const { edge, publisher, requests } = await bench();
      const agent = await publisher();
      await bring(agent, content);
      down(edge);
      expect((await failureOf(bring(agent, content))).fault).toBe('unreachable');
      expect(requests).toHaveLength(2);
    });

    test.skipIf(skipped)('an agent that holds no term puts nothing', async () => {
      const { edge, publisher, requests } = await bench();
      down(edge);
      expect((await failureOf(bring(await publisher(), content))).fault).toBe('unreachable');
      expect(requests).toHaveLength(0);
    });

    test.skipIf(skipped)('what has lain there for half its time is put again', async () => {
      const { edge, clock, publisher, requests } = await bench();
      const agent = await publisher();
      await bring(agent, content);
      down(edge);
      await failureOf(bring(agent, otherContent));
      const putOnce = requests.length;
      await clock.wait((INBOX_TTL_SECONDS * 1000) / 2, new AbortController().signal);
      await failureOf(bring(agent, otherContent));
      expect(requests).toHaveLength(putOnce + 2);
    });
  });

  describe('while the inbox does not show what was put', () => {
    const notArrived = () =>
      Response.json({ error: { message: 'not there', type: 'publish', code: 'not_arrived' } }, { status: 503 });

    test.skipIf(skipped)('the edge is told again soon', async () => {
      const { edge, publisher, requests } = await bench();
      edge.mishap = ({ step, number }) => (step === 'notice' && number < 4 ? notArrived() : undefined);
      expect((await bring(await publisher(), content)).published).toBe(true);
      expect(edge.calls('notice')).toBe(4);
      expect(requests).toHaveLength(2);
    });

    test.skipIf(skipped)('for long, the next pass tells it again and puts nothing twice', async () => {
      const { edge, publisher, requests } = await bench();
      const agent = await publisher();
      edge.mishap = ({ step }) => (step === 'notice' ? notArrived() : undefined);
      expect((await failureOf(bring(agent, content))).fault).toBe('not-arrived');
      edge.mishap = () => undefined;
      expect((await bring(agent, content)).published).toBe(true);
      expect(requests).toHaveLength(2);
      expect(edge.admitted).toHaveLength(1);
    });

    /** Fails a pass after everything was put, and tells the keys of the blobs. */
    const blobKeysAfterPut = async ({ edge, store }: InboxBench, agent: Publisher) => {
      edge.mishap = ({ step }) => (step === 'notice' ? notArrived() : undefined);
      await failureOf(bring(agent, content));
      edge.mishap = () => undefined;
      const [, payload = ''] = new TextDecoder().decode(await store.get(inboxLatestKey(CLUSTER))).split('.');
      const pointer: { sections: { routes: string[] } } = JSON.parse(Buffer.from(payload, 'base64url').toString());
      return pointer.sections.routes.map((hash) => inboxBlobKey(CLUSTER, hash));
    };

    test.skipIf(skipped)('blobs that the inbox has lost are put again after two minutes', async () => {
      const opened = await bench();
      const agent = await opened.publisher();
      for (const key of await blobKeysAfterPut(opened, agent)) await opened.store.delete(key);
      const since = opened.clock.now();
      while (!(await arrives(bring(agent, content)))) expect(opened.clock.now() - since).toBeLessThan(180_000);
      expect(opened.clock.now() - since).toBeGreaterThan(90_000);
      expect(heldRoutes(opened.edge)).toEqual(content.routes);
    });

    test.skipIf(skipped)('blobs that somebody else has overwritten are put again at once', async () => {
      const opened = await bench();
      const agent = await opened.publisher();
      for (const key of await blobKeysAfterPut(opened, agent)) await opened.store.put(key, '{"ai/chat":{"a":666}}');
      expect((await bring(agent, content)).published).toBe(true);
      expect(heldRoutes(opened.edge)).toEqual(content.routes);
    });
  });

  describe('a failing store', () => {
    const mishaps: [string, Mishap][] = [
      ['a refused connection', 'refused-connection'],
      ['an answer that is lost', 'lost'],
      ['a 503', new Response('busy', { status: 503 })],
      ['a 429', new Response('slow down', { status: 429, headers: { 'retry-after': '2' } })],
    ];
    test.each([1, 2].flatMap((number) => mishaps.map(([name, mishap]) => [name, number, mishap] as const)))(
      '%s at write %d is tried again and the table arrives',
      { skip: skipped },
      async (_, at, mishap) => {
        const opened = await bench();
        opened.mishap = (number) => (number === at ? mishap : undefined);
        await bring(await opened.publisher(), content);
        expect(heldRoutes(opened.edge)).toEqual(content.routes);
        expect(opened.edge.admitted).toHaveLength(1);
      },
    );

    test.skipIf(skipped)('a store that asks for two seconds gets them', async () => {
      const opened = await bench();
      const slowDown = new Response('slow down', { status: 429, headers: { 'retry-after': '2' } });
      opened.mishap = (number) => (number === 1 ? slowDown : undefined);
      await bring(await opened.publisher(), content);
      expect(opened.clock.waits).toContain(2000);
    });

    test.skipIf(skipped)('that cannot be reached is named, and the edge keeps what it has', async () => {
      const opened = await bench();
      const agent = await opened.publisher();
      await bring(agent, content);
      opened.mishap = () => 'refused-connection';
      const failure = await failureOf(bring(agent, otherContent));
      expect(failure.fault).toBe('store-failing');
      expect(failure.message).toMatch(/^(Cloudflare's API|the Redis database 127)/);
      expect(failure.message).toContain('cannot be reached (ECONNREFUSED)');
      expect(heldRoutes(opened.edge)).toEqual(content.routes);
    });
  });

  describe('an interrupted agent', () => {
    test.skipIf(skipped)(
      'stopped at any call, before or after it is carried out, a new one ends in the same table',
      async () => {
        for (const place of ['edge', 'store'] as const)
          for (let stopAt = 1; stopAt <= (place === 'edge' ? 4 : 2); stopAt++)
            for (const moment of ['before', 'after'] as const) {
              const opened = await bench();
              const { edge } = opened;
              const stop = new AbortController();
              const kill = () => stop.abort(new Error('killed'));
              const isAt = (number: number, where: typeof place) => place === where && number === stopAt;
              const after = (isIt: boolean): Mishap => {
                if (!isIt || moment === 'before') return undefined;
                queueMicrotask(kill);
                return 'lost';
              };
              edge.before = () => {
                if (moment === 'before' && isAt(edge.log.length, 'edge')) kill();
              };
              opened.before = (number) => {
                if (moment === 'before' && isAt(number, 'store')) kill();
              };
              edge.mishap = () => after(isAt(edge.log.length, 'edge'));
              opened.mishap = (number) => after(isAt(number, 'store'));
              await expect(bring(await opened.publisher(), content, stop.signal)).rejects.toThrow('killed');
              edge.before = () => undefined;
              edge.mishap = () => undefined;
              opened.before = () => undefined;
              opened.mishap = () => undefined;
              const successor = await opened.publisher();
              await bring(successor, content);
              expect(heldRoutes(edge)).toEqual(content.routes);
              expect(await openedSecrets(edge)).toEqual(content.secrets);
              expect(edge.admitted).toHaveLength(1);
              expect((await bring(successor, content)).published).toBe(false);
            }
      },
    );

    test.skipIf(skipped)(
      'whatever goes wrong and in whatever order, the edge ends up with the last table',
      async () => {
        const mishap = fc.constantFrom<Mishap>(undefined, undefined, undefined, 'lost', 'refused-connection');
        const contents = fc.array(fc.constantFrom(content, otherContent, thirdContent), { minLength: 1, maxLength: 4 });
        const ofEdge = fc.array(mishap, { maxLength: 60 });
        await fc.assert(
          fc.asyncProperty(
            contents,
            ofEdge,
            fc.array(mishap, { maxLength: 20 }),
            fc.boolean(),
            async (wanted, atEdge, atStore, looks) => {
              const opened = await bench();
              const { edge } = opened;
              const ofEdge = [...atEdge];
              const ofStore = [...atStore];
              edge.mishap = () => ofEdge.shift();
              opened.mishap = () => ofStore.shift();
              const agent = await opened.publisher();
              for (const table of wanted)
                for (let pass = 0; pass < 40; pass++) {
                  if (await arrives(bring(agent, table))) break;
                  if (looks) await edge.lookIntoInbox();
                }
              expect(heldRoutes(edge)).toEqual(wanted.at(-1)?.routes);
              edge.mishap = () => undefined;
              expect((await bring(agent, wanted.at(-1) ?? content)).published).toBe(false);
            },
          ),
          { numRuns: 15 },
        );
      },
    );
  });

  test.skipIf(skipped)(
    'a table of 10,000 resources travels in few requests, each within a megabyte for Redis',
    async () => {
      const opened = await bench();
      const routes = Object.fromEntries(
        Array.from({ length: 10_000 }, (_, i) => [`team-${i % 50}/route-${i}`, { created: 'x'.repeat(400), order: i }]),
      );
      await bring(await opened.publisher(), { routes, secrets: {} });
      expect(heldRoutes(opened.edge)).toEqual(routes);
      const isRedis = opened.way.type === 'UpstashRedis';
      expect(opened.requests.length).toBeLessThanOrEqual(isRedis ? 10 : 2);
      expect(opened.largest()).toBeLessThan(isRedis ? 1_000_000 : 16_000_000);
      expect(opened.edge.log).toEqual(['term', 'state', 'missing', 'notice']);
    },
  );
});

async function arrives(attempt: Promise<unknown>): Promise<boolean> {
  const passing: unknown[] = ['unreachable', 'in-inbox', 'not-arrived', 'store-failing'];
  try {
    await attempt;
    return true;
  } catch (error) {
    if (error instanceof PublishFailure && passing.includes(error.fault)) return false;
    throw error;
  }
}
