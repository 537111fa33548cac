import { describe, expect, test } from 'vitest';
import { FakeUpstream, silent } from '../support/fake-upstream.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { answers, completion, refuses, STREAM_WITH_USAGE, streams } from '../support/openai-answers.ts';
import { errorOf, oneBackend, TestEdge, twoBackends } from '../support/test-edge.ts';
import { providerEntry, routeEntry } from '../support/table-of-entries.ts';

const notUp = refuses(503, { message: 'no healthy upstream' });
const FIRST_COLD = [{ provider: 'default/first', ready: 0, cold: true, forMs: 3_600_000 }];

/** An edge whose first service is scaled to zero. */
function coldEdge(upstream: FakeUpstream, entries = oneBackend()) {
  const clock = new ManualClock();
  const edge = new TestEdge({ upstream, entries, clock });
  edge.readiness.take('prod', FIRST_COLD, clock.now());
  return { clock, edge };
}

describe('a service that is scaled to zero, and the only one that can answer', () => {
  test('is called again while what stands before it says 503, until it is up', async () => {
    const upstream = new FakeUpstream().on('first.example', notUp);
    const { clock, edge } = coldEdge(upstream);
    const answering = edge.chat();
    await upstream.called(1);
    for (const pause of [1000, 2000, 4000, 8000, 10_000, 10_000]) {
      const before = upstream.calls.length;
      await clock.advance(pause - 1);
      expect(upstream.calls).toHaveLength(before);
      await clock.advance(1);
      expect(upstream.calls).toHaveLength(before + 1);
    }
    upstream.on('first.example', answers(completion()));
    await clock.advance(10_000);
    expect((await answering).status).toBe(200);
    const { 'fairlead.attempts': attempts } = await edge.record();
    expect(attempts).toHaveLength(8);
  });

  test('is called again where it cannot be connected to', async () => {
    const upstream = new FakeUpstream().on('first.example', () => {
      throw new TypeError('connection refused');
    });
    const { clock, edge } = coldEdge(upstream);
    const answering = edge.chat();
    await upstream.called(1);
    upstream.on('first.example', answers(completion()));
    await clock.advance(1000);
    expect((await answering).status).toBe(200);
  });

  test.each([502, 503, 504, 522, 524, 530])('is called again after a %i of what stands before it', async (status) => {
    const upstream = new FakeUpstream().on('first.example', () => new Response('', { status }));
    const { clock, edge } = coldEdge(upstream);
    const answering = edge.chat();
    await upstream.called(1);
    upstream.on('first.example', answers(completion()));
    await clock.advance(1000);
    expect((await answering).status).toBe(200);
  });

  test('keeps a stream alive meanwhile', async () => {
    const upstream = new FakeUpstream().on('first.example', notUp);
    const { clock, edge } = coldEdge(upstream);
    const answering = edge.chat({ stream: true });
    await upstream.called(1);
    await clock.advance(12_000);
    upstream.on('first.example', streams(STREAM_WITH_USAGE));
    const response = await answering;
    expect(response.status).toBe(200);
    await clock.advance(10_000);
    const text = await response.text();
    expect(text).toMatch(/^: ping\n\n/);
    expect(text).toContain('[DONE]');
  });

  test('is waited for five minutes, also where its first byte is wanted sooner', async () => {
    const upstream = new FakeUpstream().on('first.example', silent);
    const entries = oneBackend({ routes: { 'default/main': routeEntry({ timeouts: { firstByte: 5000 } }) } });
    const { clock, edge } = coldEdge(upstream, entries);
    const answering = edge.chat();
    await upstream.called(1);
    await clock.advance(299_000);
    upstream.on('first.example', answers(completion()));
    await clock.advance(1000);
    expect(await errorOf(await answering)).toMatchObject({ status: 504, code: 'upstream_timeout' });
  });

  test('that does not come up in five minutes fails as it did last', async () => {
    const upstream = new FakeUpstream().on('first.example', notUp);
    const { clock, edge } = coldEdge(upstream);
    const answering = edge.chat();
    await upstream.called(1);
    await clock.advance(310_000);
    expect(await errorOf(await answering)).toMatchObject({ status: 502, code: 'upstream_failed' });
  });

  test.each([
    ['an error of its own', refuses(500, { message: 'CUDA error' }), 502],
    ['a limit', refuses(429, { message: 'slow down' }), 429],
    ['a fault of the request', refuses(400, { message: 'too long' }), 400],
  ])('is not called again after %s', async (_, answer, status) => {
    const upstream = new FakeUpstream().on('first.example', answer);
    expect((await coldEdge(upstream).edge.chat()).status).toBe(status);
    expect(upstream.calls).toHaveLength(1);
  });

  test('is not called again for a caller who has gone', async () => {
    const upstream = new FakeUpstream().on('first.example', notUp);
    const { clock, edge } = coldEdge(upstream);
    const client = new AbortController();
    const answering = edge.chat({}, {}, { signal: client.signal });
    await upstream.called(1);
    client.abort();
    await clock.advance(60_000);
    expect((await answering).status).toBe(499);
    expect(upstream.calls).toHaveLength(1);
  });

  test('that did not come up is not put last for the next caller', async () => {
    const upstream = new FakeUpstream().on('first.example', notUp).on('second.example', notUp);
    const { clock, edge } = coldEdge(upstream, twoBackends());
    const nothingElse = [...FIRST_COLD, { provider: 'default/second', ready: 0, forMs: 3_600_000 }];
    edge.readiness.take('prod', nothingElse, clock.now());
    const answering = edge.chat();
    await upstream.called(1);
    await clock.advance(310_000);
    expect((await answering).status).toBe(502);
    edge.readiness.take('prod', [], clock.now());
    upstream.on('first.example', answers(completion())).on('second.example', answers(completion()));
    expect((await edge.chat()).headers.get('x-fairlead-backend')).toBe('first');
  });
});

describe('a service that is scaled to zero, with another in the next tier', () => {
  const both = () => new FakeUpstream().on('first.example', silent).on('second.example', answers(completion()));

  test('is called, which starts it, and after ten seconds the other one answers', async () => {
    const upstream = both();
    const { clock, edge } = coldEdge(upstream, twoBackends());
    const answering = edge.chat();
    await upstream.called(1);
    await clock.advance(9999);
    expect(upstream.calls).toHaveLength(1);
    await clock.advance(1);
    expect((await answering).headers.get('x-fairlead-backend')).toBe('second');
  });

  test('is called for as long as its provider says', async () => {
    const upstream = both();
    const { providers } = twoBackends();
    const first = providerEntry({ timeouts: { firstByte: 60_000 } });
    const { clock, edge } = coldEdge(upstream, twoBackends({ providers: { ...providers, 'default/first': first } }));
    const answering = edge.chat();
    await upstream.called(1);
    await clock.advance(59_999);
    expect(upstream.calls).toHaveLength(1);
    await clock.advance(1);
    expect((await answering).headers.get('x-fairlead-backend')).toBe('second');
  });

  test('is waited for where the other one cannot answer at all', async () => {
    const upstream = both().on('first.example', notUp);
    const { clock, edge } = coldEdge(upstream, twoBackends());
    edge.readiness.take(
      'prod',
      [...FIRST_COLD, { provider: 'default/second', ready: 0, forMs: 3_600_000 }],
      clock.now(),
    );
    const answering = edge.chat();
    await upstream.called(1);
    upstream.on('first.example', answers(completion()));
    await clock.advance(1000);
    expect((await answering).headers.get('x-fairlead-backend')).toBe('first');
    expect(upstream.hosts).toEqual(['first.example', 'first.example']);
  });
});

test('a service of which nothing is known is called once, and its 503 is told', async () => {
  const upstream = new FakeUpstream().on('first.example', notUp);
  const response = await new TestEdge({ upstream }).chat();
  expect(await errorOf(response)).toMatchObject({ status: 502, code: 'upstream_failed' });
  expect(upstream.calls).toHaveLength(1);
});
