import { describe, expect, test } from 'vitest';
import type { Timeouts } from '../../../contract/routing-table.ts';
import { FakeUpstream, LiveBody, silent, type Answering } from '../support/fake-upstream.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { event, PARROTS, refuses, ROLE, SAID, streams } from '../support/openai-answers.ts';
import { StreamTap } from '../support/stream-tap.ts';
import { routeEntry } from '../support/table-of-entries.ts';
import { errorOf, oneBackend, TestEdge, twoBackends } from '../support/test-edge.ts';

/** The error that a stream ends in, and what came before it. */
function endOf(text: string) {
  const at = text.lastIndexOf('data: ');
  const last: { error: { message: string; code: string } } = JSON.parse(text.slice(at + 6));
  return { before: text.slice(0, at), ...last.error };
}

describe('after the commit point a stream ends in an error that SDKs raise, and nobody else is asked, where the provider', () => {
  const begin = ROLE + PARROTS;
  const interrupted = {
    code: 'upstream_interrupted',
    message: 'The provider default/first broke off in the middle of its answer, which is incomplete. Try again.',
  };

  /** What the caller gets of an answer that begins, and then goes on like this. */
  async function goesOn(upstream: FakeUpstream, edge: TestEdge, then: (body: LiveBody) => void): Promise<string> {
    const body = new LiveBody();
    upstream.on('first.example', body.answer());
    const answering = edge.chat({ stream: true });
    await upstream.called(1);
    body.send(begin);
    const tap = new StreamTap(await answering);
    then(body);
    await tap.ended;
    return tap.text;
  }

  test.each<[string, (body: LiveBody) => void]>([
    ['ends too early', (body) => body.end()],
    ['loses its connection', (body) => body.break()],
    [
      'stops in the middle of an event',
      (body) => {
        body.send('data: {"choi');
        body.end();
      },
    ],
    ['sends something that is no JSON', (body) => body.send('data: <html>\n\n')],
  ])('%s', async (_, then) => {
    const upstream = new FakeUpstream();
    const edge = new TestEdge({ upstream, entries: twoBackends() });
    const end = endOf(await goesOn(upstream, edge, then));
    expect(end).toMatchObject({ before: begin, ...interrupted });
    expect(upstream.hosts).toEqual(['first.example']);
    expect(await edge.record()).toMatchObject({
      'fairlead.outcome': 'interrupted',
      'error.type': 'upstream_interrupted',
      'fairlead.usage.estimated': true,
    });
  });

  test('raises an error of its own, which is passed on as it is, and nothing after it', async () => {
    const error = event({ error: { message: 'out of memory', code: 'oom' } });
    const upstream = new FakeUpstream();
    const edge = new TestEdge({ upstream, entries: twoBackends() });
    const text = await goesOn(upstream, edge, (body) => body.send(`${error}data: more\n\n`));
    expect(text).toBe(begin + error);
    expect(await edge.record()).toMatchObject({
      'fairlead.outcome': 'interrupted',
      'error.type': 'upstream_failed',
      'fairlead.error.detail': 'error event, code oom',
    });
  });
});

describe('with no backend left', () => {
  test('the status tells it, where nothing has been sent', async () => {
    const upstream = new FakeUpstream().on('first.example', streams(ROLE)).on('second.example', streams(ROLE));
    const edge = new TestEdge({ upstream, entries: twoBackends() });
    expect(await errorOf(await edge.chat({ stream: true }))).toMatchObject({ status: 502, code: 'upstream_failed' });
    expect(await edge.record()).toMatchObject({
      'fairlead.outcome': 'failed',
      'http.response.status_code': 502,
      'fairlead.attempts': [{ backend: 'first' }, { backend: 'second' }],
    });
  });

  test.each<[string, Answering, string, string, RegExp]>([
    [
      'a failure',
      refuses(503, { message: 'down' }),
      'upstream_failed',
      'failed',
      /^The provider default\/first failed/,
    ],
    [
      'a limit',
      refuses(429, { message: 'slow down' }),
      'upstream_rate_limited',
      'failed',
      /^The provider default\/first limits/,
    ],
    [
      'a refusal',
      refuses(400, { message: 'temperature must be less' }),
      'invalid_request',
      'refused',
      /^temperature must be less$/,
    ],
  ])('%s is told within the stream, where the response has begun', async (_, answer, code, outcome, message) => {
    const clock = new ManualClock();
    const gate = Promise.withResolvers<void>();
    const upstream = new FakeUpstream().on('first.example', async (call) => {
      await gate.promise;
      return answer(call);
    });
    const edge = new TestEdge({ upstream, clock });
    const answering = edge.chat({ stream: true });
    await upstream.called(1);
    await clock.advance(10_000);
    const tap = new StreamTap(await answering);
    gate.resolve();
    await clock.advance(10);
    await tap.ended;
    const end = endOf(tap.text);
    expect(end).toMatchObject({ before: ': ping\n\n', code });
    expect(end.message).toMatch(message);
    expect(await edge.record()).toMatchObject({ 'fairlead.outcome': outcome, 'error.type': code });
  });
});

describe('time runs out', () => {
  const entries = (timeouts: Timeouts) => oneBackend({ routes: { 'default/main': routeEntry({ timeouts }) } });

  test.each<[string, Timeouts, string | undefined, RegExp]>([
    ['firstByte: no response', { firstByte: 4_000 }, undefined, /default\/first did not begin to answer in time/],
    ['firstEvent: a response and then nothing', { firstEvent: 4_000 }, '', /accepted the request and then sent no/],
    ['firstEvent: a role and then nothing', { firstEvent: 4_000 }, ROLE, /accepted the request and then sent no/],
    ['total: no response', { total: 4_000 }, undefined, /took longer than this gateway allows in all/],
  ])('before the answer begins (%s): 504', async (_, timeouts, sent, message) => {
    const clock = new ManualClock();
    const body = new LiveBody();
    const upstream = new FakeUpstream().on('first.example', sent === undefined ? silent : body.answer());
    const edge = new TestEdge({ upstream, clock, entries: entries(timeouts) });
    const answering = edge.chat({ stream: true });
    await upstream.called(1);
    if (sent) body.send(sent);
    await clock.advance(3_999);
    expect(edge.records).toEqual([]);
    await clock.advance(1);
    const error = await errorOf(await answering);
    expect(error).toMatchObject({ status: 504, code: 'upstream_timeout' });
    expect(error.message).toMatch(message);
    expect(upstream.call.signal.aborted).toBe(true);
  });

  test.each<[string, Timeouts, number, RegExp]>([
    ['idle', { idle: 4_000 }, 4_000, /stopped sending in the middle/],
    ['total', { total: 4_000 }, 4_000, /took longer than this gateway allows in all/],
  ])('within the answer (%s): an error in the stream', async (phase, timeouts, ms, message) => {
    const clock = new ManualClock();
    const body = new LiveBody();
    const upstream = new FakeUpstream().on('first.example', body.answer());
    const edge = new TestEdge({ upstream, clock, entries: entries(timeouts) });
    const answering = edge.chat({ stream: true });
    await upstream.called(1);
    body.send(ROLE + PARROTS);
    const tap = new StreamTap(await answering);
    await clock.advance(ms - 1);
    expect(tap.hasEnded).toBe(false);
    await clock.advance(10);
    await tap.ended;
    const end = endOf(tap.text);
    expect(end).toMatchObject({ before: ROLE + PARROTS, code: 'upstream_timeout' });
    expect(end.message).toMatch(message);
    expect(body.isLetGo).toBe(true);
    expect(await edge.record()).toMatchObject({ 'fairlead.outcome': 'interrupted', 'fairlead.error.detail': phase });
  });

  test('each attempt has its own time for the first byte, and all together the total', async () => {
    const clock = new ManualClock();
    const upstream = new FakeUpstream().on('first.example', silent).on('second.example', silent);
    const routes = { 'default/main': routeEntry({ timeouts: { firstByte: 4_000, total: 6_000 } }) };
    const edge = new TestEdge({ upstream, clock, entries: twoBackends({ routes }) });
    const answering = edge.chat({ stream: true });
    await upstream.called(1);
    await clock.advance(4_000);
    await upstream.called(2);
    await clock.advance(2_000);
    expect((await errorOf(await answering)).message).toMatch(/in all/);
    expect((await edge.record())['fairlead.attempts']).toMatchObject([
      { backend: 'first', outcome: 'upstream_timeout', detail: 'firstByte', durationMs: 4_000 },
      { backend: 'second', outcome: 'upstream_timeout', detail: 'total', durationMs: 2_000 },
    ]);
  });

  test("a route's timeout counts before its provider's", async () => {
    const clock = new ManualClock();
    const upstream = new FakeUpstream().on('first.example', silent);
    const { providers, ...rest } = entries({ firstByte: 1_000 });
    const first = { ...providers['default/first']!, timeouts: { firstByte: 9_000 } };
    const edge = new TestEdge({ upstream, clock, entries: { ...rest, providers: { 'default/first': first } } });
    const answering = edge.chat({ stream: true });
    await upstream.called(1);
    await clock.advance(1_000);
    expect((await answering).status).toBe(504);
  });
});

test('no line of the log holds what was said', async () => {
  const upstream = new FakeUpstream().on('first.example', streams(ROLE + PARROTS));
  const edge = new TestEdge({ upstream });
  await (await edge.chat({ stream: true })).text();
  expect(JSON.stringify(await edge.record())).not.toMatch(new RegExp(SAID.split(' ').join('|')));
});
