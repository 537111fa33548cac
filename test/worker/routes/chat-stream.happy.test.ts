import { describe, expect, test } from 'vitest';
import { FakeUpstream, LiveBody, silent } from '../support/fake-upstream.ts';
import { ManualClock } from '../support/manual-clock.ts';
import {
  DONE,
  event,
  PARROTS,
  refuses,
  ROLE,
  STOP,
  STREAM,
  STREAM_WITH_USAGE,
  streams,
  WHISPER,
} from '../support/openai-answers.ts';
import { StreamTap } from '../support/stream-tap.ts';
import { TestEdge, twoBackends } from '../support/test-edge.ts';

describe('before the commit point another backend takes over, unnoticed by the caller, where the first one', () => {
  test.each([
    ['cuts its stream after the role', streams(ROLE)],
    ['cuts its stream before anything', streams('')],
    ['cuts its stream in the middle of the first text', streams(ROLE + PARROTS.slice(0, -9))],
    ['raises an error within its stream', streams(ROLE + event({ error: { message: 'overloaded', code: 'busy' } }))],
    ['sends something that is no JSON', streams(`${ROLE}data: <html>\n\n`)],
    ['answers with JSON in place of a stream', () => Response.json({ choices: [] })],
    ['answers with a page', () => new Response('<html>', { headers: { 'content-type': 'text/html' } })],
    ['fails', refuses(500, { message: 'oops' })],
  ])('%s', async (_, answer) => {
    const upstream = new FakeUpstream().on('first.example', answer).on('second.example', streams(STREAM_WITH_USAGE));
    const edge = new TestEdge({ upstream, entries: twoBackends() });
    const response = await edge.chat({ stream: true });
    expect(response.headers.get('x-fairlead-backend')).toBe('second');
    expect(await response.text()).toBe(STREAM);
    expect(upstream.hosts).toEqual(['first.example', 'second.example']);
    expect(await edge.record()).toMatchObject({
      'fairlead.outcome': 'completed',
      'fairlead.backend': 'second',
      'gen_ai.usage.output_tokens': 7,
    });
  });

  test('loses its connection after the role', async () => {
    const first = new LiveBody();
    const upstream = new FakeUpstream()
      .on('first.example', first.answer())
      .on('second.example', streams(STREAM_WITH_USAGE));
    const answering = new TestEdge({ upstream, entries: twoBackends() }).chat({ stream: true });
    await upstream.called(1);
    first.send(ROLE);
    first.break();
    expect(await (await answering).text()).toBe(STREAM);
  });
});

test('a call that failed in mid-stream is ended when the next backend is asked', async () => {
  const first = new LiveBody();
  const upstream = new FakeUpstream()
    .on('first.example', first.answer())
    .on('second.example', streams(STREAM_WITH_USAGE));
  const answering = new TestEdge({ upstream, entries: twoBackends() }).chat({ stream: true });
  await upstream.called(1);
  first.send(event({ error: { message: 'overloaded' } }));
  await (await answering).text();
  expect(first.isLetGo).toBe(true);
});

describe('while no backend says anything', () => {
  async function ask(upstream: FakeUpstream) {
    const clock = new ManualClock();
    const edge = new TestEdge({ upstream, entries: twoBackends(), clock });
    const answering = edge.chat({ stream: true });
    await upstream.called(1);
    return { clock, edge, answering };
  }

  test('the response begins after ten seconds, with a comment, and with another every ten seconds', async () => {
    const upstream = new FakeUpstream().on('first.example', silent);
    const { clock, answering } = await ask(upstream);
    let isThere = false;
    void answering.then(() => (isThere = true));
    await clock.advance(9_999);
    expect(isThere).toBe(false);
    await clock.advance(1);
    const response = await answering;
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(response.headers.get('x-request-id')).toBe('made-1');
    const tap = new StreamTap(response);
    await clock.advance(20_000);
    expect(tap.text).toBe(': ping\n\n'.repeat(3));
  });

  test('failing over stays possible after the response has begun', async () => {
    const first = new LiveBody();
    const upstream = new FakeUpstream()
      .on('first.example', first.answer())
      .on('second.example', streams(STREAM_WITH_USAGE));
    const { clock, edge, answering } = await ask(upstream);
    first.send(ROLE);
    await clock.advance(10_000);
    const tap = new StreamTap(await answering);
    first.break();
    await clock.advance(10);
    await tap.ended;
    expect(tap.text).toBe(`: ping\n\n${STREAM}`);
    expect(await edge.record()).toMatchObject({ 'fairlead.outcome': 'completed', 'fairlead.backend': 'second' });
  });

  test('a comment stands between two events, never within one', async () => {
    const first = new LiveBody();
    const upstream = new FakeUpstream().on('first.example', first.answer());
    const { clock, answering } = await ask(upstream);
    first.send(ROLE + PARROTS + WHISPER.slice(0, 30));
    const tap = new StreamTap(await answering);
    await clock.advance(10_000);
    first.send(WHISPER.slice(30) + STOP + DONE);
    first.end();
    await clock.advance(10);
    await tap.ended;
    expect(tap.text).toBe(`${ROLE}${PARROTS}: ping\n\n${WHISPER}${STOP}${DONE}`);
  });
});

describe('a stream', () => {
  test('reaches the caller event by event, with nothing held back', async () => {
    const clock = new ManualClock();
    const body = new LiveBody();
    const upstream = new FakeUpstream().on('first.example', body.answer());
    const answering = new TestEdge({ upstream, clock }).chat({ stream: true });
    await upstream.called(1);
    body.send(ROLE + PARROTS);
    const tap = new StreamTap(await answering);
    await clock.advance(100);
    expect(tap.text).toBe(ROLE + PARROTS);
    body.send(WHISPER);
    // Not even the millisecond in which events that come together are gathered.
    await clock.advance(0);
    expect(tap.text).toBe(ROLE + PARROTS + WHISPER);
  });

  test('is whole without [DONE], which some providers never send', async () => {
    const upstream = new FakeUpstream().on('first.example', streams(ROLE + PARROTS + STOP));
    const edge = new TestEdge({ upstream });
    expect(await (await edge.chat({ stream: true })).text()).toBe(ROLE + PARROTS + STOP);
    expect((await edge.record())['fairlead.outcome']).toBe('completed');
  });

  test('is whole although the provider leaves the connection open behind [DONE]', async () => {
    const clock = new ManualClock();
    const body = new LiveBody();
    const upstream = new FakeUpstream().on('first.example', body.answer());
    const edge = new TestEdge({ upstream, clock });
    const answering = edge.chat({ stream: true });
    await upstream.called(1);
    body.send(STREAM_WITH_USAGE);
    const tap = new StreamTap(await answering);
    await clock.advance(2_010);
    await tap.ended;
    expect(tap.text).toBe(STREAM);
    expect(body.isLetGo).toBe(true);
    expect((await edge.record())['fairlead.outcome']).toBe('completed');
  });

  test('that brings a tool call and no text is an answer', async () => {
    const call = event({
      choices: [{ index: 0, delta: { tool_calls: [{ index: 0, function: { name: 'sing', arguments: '' } }] } }],
    });
    const answer = ROLE + call + event({ choices: [{ index: 0, delta: {}, finish_reason: 'tool_calls' }] }) + DONE;
    const edge = new TestEdge({ upstream: new FakeUpstream().on('first.example', streams(answer)) });
    expect(await (await edge.chat({ stream: true })).text()).toBe(answer);
    expect((await edge.record())['fairlead.outcome']).toBe('completed');
  });
});
