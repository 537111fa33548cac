import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { makeSigningKey } from '../../../sync-agent/keys.ts';
import { PublishFailure } from '../../../sync-agent/publish/publish-failure.ts';
import {
  bring,
  CALL_TIMEOUT_MS,
  fakeEdge,
  heldRoutes,
  impatientClock,
  openedSecrets,
  publisherTo,
  signingJwk,
  type TableContent,
} from '../support/edge-bench.ts';
import { failureOf } from '../support/failure-of.ts';
import type { Mishap, Step } from '../support/fake-edge.ts';
import { manualClock } from '../support/manual-clock.ts';

const content: TableContent = { routes: { 'ai/chat': { a: 1 }, 'ai/code': { a: 2 } }, secrets: { aa: 'sk-1' } };
const never = new AbortController().signal;
const otherContent: TableContent = { routes: { 'ai/chat': { a: 3 } }, secrets: { aa: 'sk-1', bb: 'sk-2' } };

describe('publishing to an edge', () => {
  test('a table goes out blobs first, the pointer last, and the edge can open its secrets', async () => {
    const edge = fakeEdge();
    const { published, held } = await bring(await publisherTo(edge), content);
    expect(published).toBe(true);
    expect(edge.log).toEqual(['term', 'state', 'missing', 'put-blob', 'put-blob', 'pointer']);
    expect(held.revision).toBe(edge.current?.revision);
    expect(held.pointer.generation).toEqual({ term: 1, sequence: 1 });
    expect(held.pointer.replaces).toBeNull();
    expect(await openedSecrets(edge)).toEqual({ aa: 'sk-1' });
    expect(heldRoutes(edge)).toEqual(content.routes);
  });

  test('only the blobs that the edge lacks are sent', async () => {
    const edge = fakeEdge();
    const publisher = await publisherTo(edge);
    await bring(publisher, content);
    await bring(publisher, { ...content, routes: { 'ai/chat': { a: 9 } } });
    expect(edge.calls('put-blob')).toBe(3);
    expect(edge.current?.pointer.generation).toEqual({ term: 1, sequence: 2 });
    expect(edge.current?.pointer.replaces).toEqual({ term: 1, sequence: 1 });
  });

  test('the same table is never published twice, however much later', async () => {
    let now = Date.parse('2026-11-01T00:00:00Z');
    const edge = fakeEdge({ now: () => now });
    const publisher = await publisherTo(edge);
    await bring(publisher, content);
    now += 3_600_000;
    expect((await bring(publisher, content)).published).toBe(false);
    expect(edge.admitted).toHaveLength(1);
  });

  test('a restarted agent reads the sealed secrets back and publishes nothing', async () => {
    const edge = fakeEdge();
    await bring(await publisherTo(edge), content);
    const { published } = await bring(await publisherTo(edge), content);
    expect(published).toBe(false);
    expect(edge.admitted).toHaveLength(1);
  });

  test('a restarted agent that publishes keeps the sealed bytes of what did not change', async () => {
    const edge = fakeEdge();
    await bring(await publisherTo(edge), content);
    const secrets = edge.current?.pointer.sections.secrets;
    await bring(await publisherTo(edge), { ...content, routes: {} });
    expect(edge.current?.pointer.sections.secrets).toEqual(secrets);
    expect(edge.current?.pointer.generation).toEqual({ term: 2, sequence: 1 });
  });

  test('sealed secrets that the edge has lost are sealed again', async () => {
    const edge = fakeEdge();
    await bring(await publisherTo(edge), content);
    for (const hash of edge.current?.pointer.sections.secrets ?? []) edge.blobs.delete(hash);
    await bring(await publisherTo(edge), content);
    expect(await openedSecrets(edge)).toEqual({ aa: 'sk-1' });
  });

  test('a changed signing key publishes the same table once more, under its signature', async () => {
    const edge = fakeEdge();
    await bring(await publisherTo(edge), content);
    const next = await makeSigningKey();
    const { importSigningKey } = await import('../../../contract/revision.ts');
    edge.verifyingKeys.push(await importSigningKey(next.publicJwk));
    const publisher = await publisherTo(edge, { jwk: JSON.stringify(next.privateJwk) });
    expect((await bring(publisher, content)).published).toBe(true);
    expect((await bring(publisher, content)).published).toBe(false);
    expect(await openedSecrets(edge)).toEqual({ aa: 'sk-1' });
  });

  test('a wiped hub is filled again, above every generation that it ever had', async () => {
    const edge = fakeEdge();
    const publisher = await publisherTo(edge);
    await bring(publisher, content);
    await bring(publisher, otherContent);
    edge.wipe();
    expect((await bring(publisher, otherContent)).published).toBe(true);
    expect(edge.current?.pointer.generation).toEqual({ term: 2, sequence: 1 });
    expect(heldRoutes(edge)).toEqual(otherContent.routes);
  });

  test('a hub that is wiped between two steps of one publication is filled all the same', async () => {
    const edge = fakeEdge();
    const publisher = await publisherTo(edge);
    edge.before = ({ step, number }) => {
      if (step === 'pointer' && number === 1) edge.wipe();
    };
    await bring(publisher, content);
    expect(heldRoutes(edge)).toEqual(content.routes);
  });
});

describe('what the edge knows beyond the table that it holds', () => {
  test('a reading says what every deployed worker understands', async () => {
    const edge = fakeEdge();
    edge.reads = { schemaVersions: [1, 2], features: ['some-feature'] };
    expect((await (await publisherTo(edge)).read(never)).reads).toEqual(edge.reads);
  });

  test('a newer table that isolates still serve after a restore is gone above, without any memory', async () => {
    const edge = fakeEdge();
    await bring(await publisherTo(edge), content);
    edge.wipe();
    edge.known = { term: 7, sequence: 3 };
    await bring(await publisherTo(edge), otherContent);
    expect(edge.current?.pointer.generation).toEqual({ term: 8, sequence: 1 });
  });

  test('a hub that was restored within our term is gone above by a new term', async () => {
    const edge = fakeEdge();
    const publisher = await publisherTo(edge);
    await bring(publisher, content);
    const before = { current: edge.current, kept: edge.kept };
    await bring(publisher, otherContent);
    edge.known = edge.current?.pointer.generation ?? null;
    Object.assign(edge, before);
    await bring(publisher, otherContent);
    expect(edge.current?.pointer.generation).toEqual({ term: 2, sequence: 1 });
    expect(heldRoutes(edge)).toEqual(otherContent.routes);
  });

  test('the revisions that the hub keeps are told, the newest first', async () => {
    const edge = fakeEdge();
    const publisher = await publisherTo(edge);
    const first = await bring(publisher, content);
    const second = await bring(publisher, otherContent);
    const { revisions } = await publisher.history(never);
    expect(revisions.map(({ revision }) => revision)).toEqual([second.held.revision, first.held.revision]);
  });

  test('a probe finds its cluster among all that an isolate serves', async () => {
    const edge = fakeEdge();
    const publisher = await publisherTo(edge);
    const { held } = await bring(publisher, content);
    const entry = { cluster: 'paris', revision: '0123456789ab', generation: { term: 9, sequence: 9 }, confirmed: true };
    const ours = { cluster: 'berlin', revision: held.revision, generation: held.pointer.generation, confirmed: true };
    edge.mishap = ({ step }) => (step === 'probe' ? Response.json({ clusters: [entry, ours] }) : undefined);
    expect(await publisher.probe(never)).toEqual(ours);
    edge.mishap = ({ step }) => (step === 'probe' ? Response.json({ clusters: [entry] }) : undefined);
    expect(await publisher.probe(never)).toEqual({
      cluster: 'berlin',
      revision: null,
      generation: null,
      confirmed: false,
    });
  });
});

describe('an eviction', () => {
  test('empties the edge, and what is published later begins a new term', async () => {
    const edge = fakeEdge();
    const publisher = await publisherTo(edge);
    await bring(publisher, content);
    await publisher.evict(never);
    expect(edge.current).toBeNull();
    await bring(publisher, content);
    expect(edge.current?.pointer.generation).toEqual({ term: 3, sequence: 1 });
    expect(heldRoutes(edge)).toEqual(content.routes);
  });

  test('whose answer is lost is carried out once more, and nobody minds', async () => {
    const edge = fakeEdge();
    const publisher = await publisherTo(edge);
    await bring(publisher, content);
    edge.mishap = ({ step, number }) => (step === 'evict' && number === 1 ? 'lost' : undefined);
    await publisher.evict(never);
    expect(edge.current).toBeNull();
  });

  test('by somebody else ends the agent with a sentence that says so', async () => {
    const edge = fakeEdge();
    const publisher = await publisherTo(edge);
    await bring(publisher, content);
    edge.evict();
    const failure = await failureOf(bring(publisher, content));
    expect(failure.fault).toBe('superseded');
    expect(failure.message).toContain('was evicted from the edge');
    expect(edge.current).toBeNull();
  });
});

describe('two agents of one cluster', () => {
  test('the one that another has superseded stops with a sentence that says what to do', async () => {
    const edge = fakeEdge();
    const first = await publisherTo(edge);
    await bring(first, content);
    await bring(await publisherTo(edge), otherContent);
    const failure = await failureOf(bring(first, content));
    expect(failure.fault).toBe('superseded');
    expect(failure.message).toContain('only one agent may publish a cluster; stop one of them');
    expect(heldRoutes(edge)).toEqual(otherContent.routes);
  });

  test('a paused agent that wakes between its steps overwrites nothing', async () => {
    const edge = fakeEdge();
    const paused = await publisherTo(edge);
    const successor = await publisherTo(edge);
    edge.before = async ({ step }) => {
      if (step !== 'pointer') return;
      edge.before = () => undefined;
      await bring(successor, otherContent);
    };
    expect((await failureOf(bring(paused, content))).fault).toBe('superseded');
    expect(heldRoutes(edge)).toEqual(otherContent.routes);
  });

  test('a re-created cluster is told that its UID is not the pinned one', async () => {
    const edge = fakeEdge();
    await bring(await publisherTo(edge), content);
    const failure = await failureOf(bring(await publisherTo(edge, { clusterUid: 'another' }), content));
    expect(failure).toMatchObject({ fault: 'refused', rule: 'cluster-uid' });
  });
});

describe('a failing edge', () => {
  const steps: Step[] = ['term', 'missing', 'put-blob', 'pointer', 'state'];
  const mishaps: [string, Mishap][] = [
    ['a refused connection', 'refused-connection'],
    ['an answer that is lost', 'lost'],
    ['a 503', new Response('busy', { status: 503 })],
    ['a 429', new Response('slow down', { status: 429 })],
  ];
  test.each(steps.flatMap((step) => mishaps.map(([name, mishap]) => [name, step, mishap] as const)))(
    '%s at the step %s is tried again and the table arrives',
    async (_, step, mishap) => {
      const edge = fakeEdge();
      edge.mishap = (exchange) => (exchange.step === step && exchange.number === 1 ? mishap : undefined);
      await bring(await publisherTo(edge), content);
      expect(heldRoutes(edge)).toEqual(content.routes);
      expect(edge.admitted).toHaveLength(1);
    },
  );

  test('pauses between attempts double, and chance spreads them over their upper half', async () => {
    const edge = fakeEdge();
    edge.mishap = () => 'refused-connection';
    const clock = { ...impatientClock(), now: edge.now };
    const failure = await failureOf(bring(await publisherTo(edge, { clock, random: () => 0 }), content));
    expect(clock.waits).toEqual([100, 200]);
    expect(failure.fault).toBe('unreachable');
    expect(failure.message).toBe(
      'the edge https://edge.test cannot be reached (connect ECONNREFUSED 192.0.2.1:443): check the endpoint',
    );
  });

  test.each([
    ['seconds', () => '4', 4000],
    ['a date', (now: number) => new Date(now + 7000).toUTCString(), 7000],
  ])('an edge that asks for a pause in %s gets it', async (_, header, pauseMs) => {
    const edge = fakeEdge();
    const clock = { ...impatientClock(), now: edge.now };
    edge.mishap = ({ step, number }) =>
      step === 'missing' && number === 1
        ? new Response('busy', { status: 503, headers: { 'retry-after': header(edge.now()) } })
        : undefined;
    await bring(await publisherTo(edge, { clock }), content);
    expect(clock.waits).toEqual([pauseMs]);
  });

  test('an edge that asks for minutes is left to the next pass', async () => {
    const edge = fakeEdge();
    const clock = { ...impatientClock(), now: edge.now };
    edge.mishap = () => new Response('busy', { status: 429, headers: { 'retry-after': '120' } });
    const failure = await failureOf(bring(await publisherTo(edge, { clock }), content));
    expect(failure).toMatchObject({ fault: 'edge-failing', retryAfterMs: 120_000 });
    expect(clock.waits).toEqual([]);
  });

  test('a call that is never answered ends after its time', async () => {
    const clock = manualClock();
    const edge = fakeEdge(clock);
    edge.mishap = ({ number }) => (number <= 3 ? 'hangs' : undefined);
    const failing = failureOf(bring(await publisherTo(edge, { clock }), content));
    for (let attempt = 0; attempt < 3; attempt++) {
      await clock.untilWaiting();
      await clock.advance(CALL_TIMEOUT_MS);
      await clock.advance(1000);
    }
    expect((await failing).message).toBe('the edge https://edge.test did not answer within 10 s');
  });

  test.each([
    [
      'an HTML page',
      () => new Response('<html>Welcome</html>', { status: 404 }),
      'not-an-edge',
      '<html>Welcome</html>',
    ],
    ['a 200 of something else', () => new Response('hello'), 'not-an-edge', 'hello'],
    [
      'a redirect',
      () => new Response(null, { status: 302, headers: { location: 'https://else' } }),
      'not-an-edge',
      '302',
    ],
  ] as const)('%s is recognised as not being an edge, at once', async (_, answer, fault, text) => {
    const edge = fakeEdge();
    edge.mishap = () => answer();
    const failure = await failureOf(bring(await publisherTo(edge), content));
    expect(failure.fault).toBe(fault);
    expect(failure.message).toContain(text);
    expect(edge.log).toHaveLength(1);
  });

  test('a clock that was set back is told to be checked', async () => {
    const edge = fakeEdge();
    const clock = { ...impatientClock(), now: () => edge.now() - 3_600_000 };
    const failure = await failureOf(bring(await publisherTo(edge, { clock }), content));
    expect(failure.fault).toBe('unauthorized');
    expect(failure.message).toContain("-3600 s from the edge's time: check the clocks");
  });

  test('a key that the edge does not list is told where it must be listed', async () => {
    const edge = fakeEdge();
    const { privateJwk } = await makeSigningKey();
    const failure = await failureOf(bring(await publisherTo(edge, { jwk: JSON.stringify(privateJwk) }), content));
    expect(failure.message).toContain('FAIRLEAD_CLUSTERS must list the cluster berlin');
  });

  test('a signing key that is none is named without being quoted', async () => {
    const failure = await failureOf(publisherTo(fakeEdge(), { jwk: signingJwk.replace('Ed25519', 'X25519') }));
    expect(failure.message).toContain('fairlead keygen');
    const jwk: { d: string } = JSON.parse(signingJwk);
    expect(failure.message).not.toContain(jwk.d);
    expect(failure.cause).toBeUndefined();
  });
});

describe('an interrupted agent', () => {
  test('stopped at any call, before or after it is carried out, a new one ends in the same table', async () => {
    const calls = 6;
    for (let stopAt = 1; stopAt <= calls; stopAt++)
      for (const moment of ['before', 'after'] as const) {
        const edge = fakeEdge();
        const stop = new AbortController();
        edge.before = () => {
          if (moment === 'before' && edge.log.length === stopAt) stop.abort(new Error('killed'));
        };
        edge.mishap = () => {
          if (moment === 'before' || edge.log.length !== stopAt) return undefined;
          // The edge carries it out while the agent is already gone.
          queueMicrotask(() => stop.abort(new Error('killed')));
          return 'lost';
        };
        await expect(bring(await publisherTo(edge), content, stop.signal)).rejects.toThrow('killed');
        edge.before = () => undefined;
        edge.mishap = () => undefined;
        const successor = await publisherTo(edge);
        await bring(successor, content);
        expect(heldRoutes(edge)).toEqual(content.routes);
        expect(await openedSecrets(edge)).toEqual(content.secrets);
        expect(edge.admitted).toHaveLength(1);
        expect((await bring(successor, content)).published).toBe(false);
      }
  });

  test('whatever goes wrong and in whatever order, the edge ends up with the last table, and planning again changes nothing', async () => {
    const mishap = fc.constantFrom<Mishap>(undefined, undefined, undefined, 'lost', 'refused-connection');
    const tables = fc.array(
      fc.record({
        routes: fc.dictionary(fc.constantFrom('ai/a', 'ai/b', 'ai/c'), fc.nat(3), { noNullPrototype: true }),
        secrets: fc.dictionary(fc.constantFrom('aa', 'bb'), fc.constantFrom('x', 'y'), { noNullPrototype: true }),
        restart: fc.boolean(),
      }),
      { minLength: 1, maxLength: 4 },
    );
    await fc.assert(
      fc.asyncProperty(tables, fc.array(mishap, { maxLength: 60 }), async (wanted, mishaps) => {
        const edge = fakeEdge();
        const queue = [...mishaps];
        let lucky = false;
        edge.mishap = () => (lucky ? undefined : queue.shift());
        let publisher = await publisherTo(edge);
        for (const { restart, ...table } of wanted) {
          if (restart) publisher = await publisherTo(edge);
          for (let pass = 0; pass < 30; pass++) if (await arrives(bring(publisher, idsByValue(table)))) break;
          expect(heldRoutes(edge)).toEqual(table.routes);
          lucky = true;
          expect((await bring(publisher, idsByValue(table))).published).toBe(false);
          lucky = false;
        }
      }),
      { numRuns: 60 },
    );
  });
});

/** A secret's id depends on its value, as the compiler's HMAC does. */
function idsByValue({ routes, secrets }: TableContent): TableContent {
  const renamed = Object.entries(secrets).map(([id, value]) => [id + (value === 'x' ? '1' : '2'), value] as const);
  return { routes, secrets: Object.fromEntries(renamed) };
}

async function arrives(attempt: Promise<unknown>): Promise<boolean> {
  try {
    await attempt;
    return true;
  } catch (error) {
    if (error instanceof PublishFailure && error.fault === 'unreachable') return false;
    throw error;
  }
}
