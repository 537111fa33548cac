import type { ServerResponse } from 'node:http';

import type { Reply } from './endpoints.ts';
import { refuse } from './failures.ts';
import type { Behaviour } from './failures.ts';
import { waitFor } from './pace.ts';
import type { Pace } from './pace.ts';
import { scriptOfStream } from './stream-script.ts';
import type { StreamBehaviour } from './stream-script.ts';

export type Delivery = {
  response: ServerResponse;
  pace: Pace;
  /** Aborts when the client has gone. */
  signal: AbortSignal;
};

type BodyReply = Reply & { type: 'Body' };
type EventsReply = Reply & { type: 'Events' };
type Refusal = Behaviour & { type: 'Respond' };

const streamHeaders = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache',
};
const jsonHeaders = { 'content-type': 'application/json' };

const failedGeneration: Refusal = refuse(500, 'server_error', null, 'The model failed while it was generating.');

/**
 * Sends a reply, or whatever its behaviour makes of it. Resolves when all is sent, or when the
 * connection has been destroyed on purpose; rejects when the client leaves first.
 */
export async function deliver(reply: Reply, delivery: Delivery): Promise<void> {
  const { behaviour } = reply;
  const { response, pace, signal } = delivery;
  if (behaviour.type === 'Respond') return respond(response, behaviour);
  if (behaviour.type === 'Hang') {
    if (behaviour.at === 'Headers') {
      const headers = reply.type === 'Events' ? streamHeaders : jsonHeaders;
      response.writeHead(200, headers).flushHeaders();
    }
    return untilGone(signal);
  }
  if (behaviour.type === 'Answer') await waitFor(pace, behaviour.headersMs ?? 0, signal);
  return reply.type === 'Events' ? sendEvents(reply, behaviour, delivery) : sendBody(reply, behaviour, delivery);
}

async function sendBody(reply: BodyReply, behaviour: StreamBehaviour, delivery: Delivery) {
  const { response, pace, signal } = delivery;
  const thinkingMs = reply.tokens === 0 ? 0 : pace.firstTokenMs;
  await waitFor(pace, firstTokenMs(behaviour, thinkingMs), signal);
  await waitFor(pace, (reply.tokens / pace.tokensPerSecond) * 1000, signal);

  const text = JSON.stringify(reply.body, null, 2);
  const half = text.slice(0, text.length / 2);
  switch (behaviour.type) {
    case 'Answer':
      response.writeHead(200, jsonHeaders).end(text);
      return;
    case 'Cut':
      response.writeHead(200, { ...jsonHeaders, 'content-length': Buffer.byteLength(text) });
      await writeThenDestroy(response, half);
      return;
    case 'ErrorEvent':
      respond(response, failedGeneration);
      return;
    case 'NoDone':
      response.writeHead(200, jsonHeaders).end(JSON.stringify({ ...reply.body, usage: undefined }));
      return;
    case 'Malformed':
      response.writeHead(200, jsonHeaders).end(half);
  }
}

async function sendEvents(reply: EventsReply, behaviour: StreamBehaviour, delivery: Delivery) {
  const { response, pace, signal } = delivery;
  const errorBody: unknown = JSON.parse(failedGeneration.body);
  const script = scriptOfStream(reply.events, behaviour, Object(errorBody));
  response.writeHead(200, streamHeaders).flushHeaders();
  await waitFor(pace, firstTokenMs(behaviour, pace.firstTokenMs), signal);

  const lastStep = script.steps.at(-1);
  for (const step of script.steps) {
    if (step === lastStep && script.end === 'Cut') {
      await writeThenDestroy(response, step.text);
      return;
    }
    await write(step.text, delivery);
    if (step.isToken) await waitFor(pace, 1000 / pace.tokensPerSecond, signal);
  }
  response.end();
}

function firstTokenMs(behaviour: StreamBehaviour, usual: number): number {
  return (behaviour.type === 'Answer' ? behaviour.firstTokenMs : undefined) ?? usual;
}

function respond(response: ServerResponse, refusal: Refusal): void {
  response.writeHead(refusal.status, refusal.headers).end(refusal.body);
}

/** Waits where the client reads slowly, so that an unread stream does not pile up here. */
async function write(text: string, { response, signal }: Delivery): Promise<void> {
  signal.throwIfAborted();
  if (response.write(text)) return;
  await Promise.race([
    new Promise<void>((resolve) => {
      response.once('drain', resolve);
    }),
    untilGone(signal),
  ]);
}

/** The bytes leave first: a reader must see them, and then the cut. */
async function writeThenDestroy(response: ServerResponse, text: string): Promise<void> {
  await new Promise<void>((resolve) => {
    response.write(text, () => {
      response.destroy();
      resolve();
    });
  });
}

async function untilGone(signal: AbortSignal): Promise<never> {
  return new Promise<never>((_resolve, reject) => {
    const leave = () => {
      reject(new Error('the client left'));
    };
    if (signal.aborted) leave();
    signal.addEventListener('abort', leave, { once: true });
  });
}
