import { request, type ClientRequest } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { instantPace } from '../../dev/simulator/pace.ts';
import { startGateway, type GatewayUnderTest, type RequestLine } from '../support/gateway.ts';
import { consumer, documents, model, provider, route } from '../support/resource-files.ts';
import { startAgentInProcess } from '../support/running-agent.ts';

const KEY = 'sk-test-someone';

/** Slow enough that nobody reaches the end of a long answer, fast enough that its beginning is there at once. */
const TRICKLE = { ...instantPace, tokensPerSecond: 200 };

describe('a client that leaves, an upstream that dies', () => {
  let gateway: GatewayUnderTest;

  beforeAll(async () => {
    gateway = await startGateway({
      startAgent: startAgentInProcess,
      pace: TRICKLE,
      files: (simulator) => ({
        'all.yaml': documents(
          provider('simulator', { baseURL: `${simulator}/v1` }),
          model('endless', { provider: 'simulator', model: 'long-100000' }),
          model('short', { provider: 'simulator', model: 'long-5' }),
          model('silent', { provider: 'simulator', model: 'fail-hang' }),
          model('dying', { provider: 'simulator', model: 'fail-cut' }),
          model('drained', { provider: 'simulator', model: 'long-40' }),
          route('chat', ['endless', 'short', 'silent', 'dying']),
          route('drained', ['drained'], { onClientAbort: 'Drain' }),
          consumer('someone', KEY),
        ),
      }),
    });
  });
  afterAll(() => gateway?.dispose());

  const open = (name: string, stream: boolean): OpenCall => openCall(gateway.edge.url, name, stream);
  const lineOf = (name: string): Promise<RequestLine> =>
    gateway.requests.next(`the log line of ${name}`, (line) => line['gen_ai.request.model'] === name);

  test('leaving in mid-stream ends the upstream call, and is settled once', async () => {
    const call = open('endless', true);
    await call.firstBytes;
    call.leave();
    const aborted = await gateway.simulator.nextAbort();
    expect(aborted.json).toMatchObject({ model: 'long-100000' });
    expect(await lineOf('endless')).toMatchObject({ 'fairlead.outcome': 'client_abort' });
  });

  test('leaving before the upstream has answered ends the upstream call, and is settled once', async () => {
    const call = open('silent', false);
    await arrival(gateway, 'fail-hang');
    call.leave();
    const aborted = await gateway.simulator.nextAbort();
    expect(aborted.json).toMatchObject({ model: 'fail-hang' });
    expect(await lineOf('silent')).toMatchObject({ 'fairlead.outcome': 'client_abort' });
  });

  test('where the route drains, the answer is read to its end and its usage is the real one', async () => {
    const call = open('drained', true);
    await call.firstBytes;
    call.leave();
    expect(await lineOf('drained')).toMatchObject({
      'fairlead.outcome': 'client_abort',
      'gen_ai.usage.output_tokens': 40,
    });
  });

  test('an upstream that dies in mid-stream is settled once, as such', async () => {
    const text = await open('dying', true).text;
    expect(text).toContain('"error"');
    expect(await lineOf('dying')).toMatchObject({ 'fairlead.outcome': 'interrupted' });
  });

  test('a stream that is read to its end is settled once, with its usage', async () => {
    const text = await open('short', true).text;
    expect(text).toContain('[DONE]');
    expect(await lineOf('short')).toMatchObject({ 'fairlead.outcome': 'completed', 'gen_ai.usage.output_tokens': 5 });
  });

  test('the starter of a cold load leaves, and those who wait with it are served', async () => {
    for (let round = 0; round < 5; round += 1) {
      await gateway.edge.stop();
      await gateway.edge.start();
      const starter = open('short', true);
      await starter.sent;
      const others = Array.from({ length: 5 }, () => open('short', true));
      await Promise.all(others.map(({ sent }) => sent));
      starter.leave();
      const texts = await Promise.all(others.map(({ text }) => text));
      for (const text of texts) expect(text).toContain('[DONE]');
    }
  });

  test('after all that, no request has been settled twice', async () => {
    await gateway.edge.stop();
    const ids = gateway.requests.all.map((line) => line['fairlead.request_id']);
    expect(ids.length).toBeGreaterThan(0);
    expect(new Set(ids).size).toBe(ids.length);
  });
});

interface OpenCall {
  /** Resolves when all of the request has left this process. */
  readonly sent: Promise<void>;
  /** Resolves with what came first of the body. */
  readonly firstBytes: Promise<string>;
  /** Resolves with the whole body. */
  readonly text: Promise<string>;
  /** Resets the socket: until something is written, workerd takes a mere FIN for a client that has only said all. */
  leave(): void;
}

/** A call over a socket of its own, so that leaving is what a client's death is: the socket closes. */
function openCall(edge: string, name: string, stream: boolean): OpenCall {
  const call: ClientRequest = request(`${edge}/v1/chat/completions`, {
    method: 'POST',
    agent: false,
    headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
  });
  let received = '';
  const sent = Promise.withResolvers<void>();
  const firstBytes = Promise.withResolvers<string>();
  const text = Promise.withResolvers<string>();
  // A call that is left on purpose fails, and nobody need be waiting for it.
  for (const { promise } of [firstBytes, text]) promise.catch(() => undefined);
  call.on('finish', () => sent.resolve());
  call.on('error', (error) => {
    sent.reject(error);
    firstBytes.reject(error);
    text.reject(error);
  });
  call.on('response', (response) => {
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => {
      received += chunk;
      firstBytes.resolve(received);
    });
    response.on('end', () => text.resolve(received));
    response.on('error', (error) => text.reject(error));
  });
  call.end(JSON.stringify({ model: name, stream, messages: [{ role: 'user', content: 'Hi' }] }));
  return {
    sent: sent.promise,
    firstBytes: firstBytes.promise,
    text: text.promise,
    leave: () => call.socket?.resetAndDestroy(),
  };
}

async function arrival({ simulator }: GatewayUnderTest, upstreamModel: string): Promise<void> {
  for (;;) {
    const { json } = await simulator.nextRequest();
    if (Object(json).model === upstreamModel) return;
  }
}
