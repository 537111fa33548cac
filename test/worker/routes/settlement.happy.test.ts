import { describe, expect, test } from 'vitest';
import type { RouteEntry } from '../../../contract/routing-table.ts';
import { FakeUpstream, LiveBody, silent } from '../support/fake-upstream.ts';
import { ManualClock } from '../support/manual-clock.ts';
import {
  answers,
  completion,
  DONE,
  PARROTS,
  ROLE,
  STOP,
  STREAM_WITH_USAGE,
  streams,
  USAGE_ONLY,
  WHISPER,
} from '../support/openai-answers.ts';
import { StreamTap } from '../support/stream-tap.ts';
import { routeEntry } from '../support/table-of-entries.ts';
import { CHAT, errorOf, oneBackend, TestEdge, twoBackends } from '../support/test-edge.ts';

/** Each test takes the only line of the log: `record` fails where there are more, or none. */
const routes = (onClientAbort: RouteEntry['onClientAbort']) => ({ 'default/main': routeEntry({ onClientAbort }) });

function start(onClientAbort: RouteEntry['onClientAbort'], stream: boolean) {
  const clock = new ManualClock();
  const body = new LiveBody();
  const upstream = new FakeUpstream().on('first.example', body.answer(stream ? undefined : {}));
  const edge = new TestEdge({ upstream, clock, entries: twoBackends({ routes: routes(onClientAbort) }) });
  const client = new AbortController();
  const answering = edge.chat({ stream }, {}, { signal: client.signal });
  return { clock, body, upstream, edge, client, answering };
}

describe('a request is settled once, when', () => {
  test.each([
    ['a whole answer has come', false, answers(completion())],
    ['a stream has come to its end', true, streams(STREAM_WITH_USAGE)],
  ])('%s', async (_, stream, answer) => {
    const edge = new TestEdge({ upstream: new FakeUpstream().on('first.example', answer) });
    await (await edge.chat({ stream })).text();
    expect(await edge.record()).toMatchObject({ 'fairlead.outcome': 'completed', 'gen_ai.usage.output_tokens': 7 });
  });

  test.each([false, true])('no backend is left (streamed: %s)', async (stream) => {
    const edge = new TestEdge({ upstream: new FakeUpstream(), entries: twoBackends() });
    expect((await edge.chat({ stream })).status).toBe(502);
    expect(await edge.record()).toMatchObject({
      'fairlead.outcome': 'failed',
      'fairlead.attempts': [{ backend: 'first' }, { backend: 'second' }],
    });
  });

  test('the provider dies in the middle of a stream, for as much as had come', async () => {
    const { body, clock, upstream, edge, answering } = start('Abort', true);
    await upstream.called(1);
    body.send(ROLE + PARROTS + WHISPER);
    const tap = new StreamTap(await answering);
    body.break();
    await clock.advance(10);
    await tap.ended;
    const record = await edge.record();
    expect(record).toMatchObject({ 'fairlead.outcome': 'interrupted', 'fairlead.usage.estimated': true });
    expect(record['gen_ai.usage.output_tokens']).toBeGreaterThanOrEqual(3);
  });

  test('a caller that never reads its stream is given up, when the time for all is over', async () => {
    const { body, clock, upstream, edge, answering } = start('Abort', true);
    await upstream.called(1);
    body.send(STREAM_WITH_USAGE);
    body.end();
    await answering;
    await clock.advance(899_999);
    expect(edge.records).toEqual([]);
    await clock.advance(1);
    expect(await edge.record()).toMatchObject({ 'fairlead.outcome': 'client_abort' });
  });
});

describe('a caller that hangs up', () => {
  test.each([false, true])(
    'while nobody has answered ends the call, and asks nobody else (streamed: %s)',
    async (stream) => {
      const upstream = new FakeUpstream().on('first.example', silent);
      const edge = new TestEdge({ upstream, entries: twoBackends() });
      const client = new AbortController();
      const answering = edge.chat({ stream }, {}, { signal: client.signal });
      await upstream.called(1);
      client.abort();
      expect(await errorOf(await answering)).toMatchObject({ status: 499, code: 'client_closed_request' });
      expect(upstream.call.signal.aborted).toBe(true);
      expect(await edge.record()).toMatchObject({
        'fairlead.outcome': 'client_abort',
        'http.response.status_code': 499,
        'error.type': 'client_closed_request',
      });
    },
  );

  test('in the middle of a stream ends the call, and is charged what had come', async () => {
    const { body, upstream, edge, client, answering } = start('Abort', true);
    await upstream.called(1);
    body.send(ROLE + PARROTS);
    const tap = new StreamTap(await answering);
    client.abort();
    await tap.ended;
    expect(body.isLetGo).toBe(true);
    const record = await edge.record();
    expect(record).toMatchObject({ 'fairlead.outcome': 'client_abort', 'fairlead.usage.estimated': true });
    expect(record['gen_ai.usage.output_tokens']).toBeGreaterThan(0);
    expect(upstream.hosts).toEqual(['first.example']);
  });

  test('is noticed by its stream, too, where nothing else tells of it', async () => {
    const { body, clock, upstream, edge, answering } = start('Abort', true);
    await upstream.called(1);
    body.send(ROLE + PARROTS);
    const tap = new StreamTap(await answering);
    await clock.advance(10);
    await tap.leave();
    body.send(WHISPER);
    await clock.advance(10);
    expect(await edge.record()).toMatchObject({ 'fairlead.outcome': 'client_abort' });
    expect(body.isLetGo).toBe(true);
  });

  test('in the middle of a whole answer ends the call', async () => {
    const { body, upstream, edge, client, answering } = start('Abort', false);
    await upstream.called(1);
    body.send('{"choices":');
    client.abort();
    expect((await answering).status).toBe(499);
    expect(upstream.call.signal.aborted).toBe(true);
    expect(await edge.record()).toMatchObject({ 'fairlead.outcome': 'client_abort' });
  });

  test('does not end a stream that its route drains: what the provider counts is charged', async () => {
    const { body, clock, upstream, edge, client, answering } = start('Drain', true);
    await upstream.called(1);
    body.send(ROLE + PARROTS);
    const tap = new StreamTap(await answering);
    await clock.advance(10);
    client.abort();
    await clock.advance(10);
    body.send(WHISPER + STOP + USAGE_ONLY + DONE);
    body.end();
    expect(await edge.record()).toMatchObject({
      'fairlead.outcome': 'client_abort',
      'fairlead.usage.estimated': false,
      'gen_ai.usage.output_tokens': 7,
    });
    expect(tap.text).toBe(ROLE + PARROTS);
    expect(upstream.call.signal.aborted).toBe(false);
  });

  test('nor one that waited for the caller to read on when it left: the time for the whole request is not waited out', async () => {
    const { body, clock, upstream, edge, client, answering } = start('Drain', true);
    await upstream.called(1);
    body.send(ROLE + PARROTS);
    const response = await answering;
    expect(response.bodyUsed).toBe(false);
    await clock.advance(10);
    client.abort();
    body.send(WHISPER + STOP + USAGE_ONLY + DONE);
    body.end();
    expect(await edge.record()).toMatchObject({
      'fairlead.outcome': 'client_abort',
      'fairlead.usage.estimated': false,
      'gen_ai.usage.output_tokens': 7,
    });
  });

  test('does not end a whole answer that its route drains', async () => {
    const { body, upstream, edge, client, answering } = start('Drain', false);
    await upstream.called(1);
    client.abort();
    body.send(JSON.stringify(completion()));
    body.end();
    await answering;
    expect(await edge.record()).toMatchObject({
      'fairlead.outcome': 'client_abort',
      'fairlead.usage.estimated': false,
      'gen_ai.usage.output_tokens': 7,
    });
  });

  test('hurts no other request', async () => {
    const bodies = [new LiveBody(), new LiveBody()] as const;
    let asked = 0;
    const upstream = new FakeUpstream().on('first.example', (call) => bodies[asked++ === 0 ? 0 : 1].answer()(call));
    const edge = new TestEdge({ upstream, entries: oneBackend() });
    const client = new AbortController();
    const one = edge.chat({ stream: true }, {}, { signal: client.signal });
    await upstream.called(1);
    const other = edge.chat({ stream: true });
    await upstream.called(2);
    bodies[0].send(ROLE + PARROTS);
    bodies[1].send(ROLE + PARROTS);
    const taps = [new StreamTap(await one), new StreamTap(await other)] as const;
    client.abort();
    await taps[0].ended;
    bodies[1].send(WHISPER + STOP + DONE);
    bodies[1].end();
    await taps[1].ended;
    expect(taps[1].text).toBe(ROLE + PARROTS + WHISPER + STOP + DONE);
    await edge.settled();
    expect(edge.records.map((record) => record['fairlead.outcome'])).toEqual(['client_abort', 'completed']);
  });
});

test('what needs no model is settled as well', async () => {
  const edge = new TestEdge({ upstream: new FakeUpstream() });
  await edge.get('/v1/models');
  await edge.get('/v1/models/nope');
  await edge.post('/nowhere', CHAT);
  await edge.chat({}, { authorization: 'Bearer wrong' });
  await edge.settled();
  expect(edge.records.map((record) => record['http.response.status_code'])).toEqual([200, 404, 404, 401]);
});
