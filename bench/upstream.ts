import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';

/**
 * The model that all candidates stand in front of, in a process of its own: `node bench/upstream.ts`
 * prints its port. It answers from memory, so that what is measured is the way to it.
 *
 * Asked to stream it sends 62 chunks in bursts, as a provider behind a proxy does; for the models
 * `paced`, `steady` and `slow` they come one by one, over 0.3 s, 6 s and 31 s.
 */

const head = {
  id: 'chatcmpl-bench',
  created: 1_800_000_000,
  model: 'bench-2026-01-15',
  service_tier: 'default',
  system_fingerprint: 'fp_bench',
};
const usage = {
  prompt_tokens: 31,
  completion_tokens: 58,
  total_tokens: 89,
  prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
  completion_tokens_details: { reasoning_tokens: 0, audio_tokens: 0 },
};

const wholeAnswer = Buffer.from(
  JSON.stringify({
    ...head,
    object: 'chat.completion',
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: 'An answer of middling length. '.repeat(6).trim() },
        logprobs: null,
        finish_reason: 'stop',
      },
    ],
    usage,
  }),
);

const chunks = [
  chunk({ role: 'assistant', content: '' }),
  ...Array.from({ length: 58 }, (_, at) => chunk({ content: ` word${at}` })),
  chunk({}, 'stop'),
  event({ ...head, object: 'chat.completion.chunk', choices: [], usage }),
  Buffer.from('data: [DONE]\n\n'),
];

const burstLength = 8;
/** Models whose chunks come one by one, and the milliseconds between them. */
const pacedModels: Record<string, number> = { paced: 5, steady: 100, slow: 500 };

function chunk(delta: object, finishReason: string | null = null): Buffer {
  const choices = [{ index: 0, delta, logprobs: null, finish_reason: finishReason }];
  return event({ ...head, object: 'chat.completion.chunk', choices, usage: null });
}

function event(payload: object): Buffer {
  return Buffer.from(`data: ${JSON.stringify(payload)}\n\n`);
}

function sendWhole(response: ServerResponse): void {
  response.writeHead(200, {
    'content-type': 'application/json',
    'content-length': wholeAnswer.length,
    'x-request-id': 'req_bench',
  });
  response.end(wholeAnswer);
}

function startStream(response: ServerResponse): void {
  response.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'x-request-id': 'req_bench',
  });
}

/**
 * A burst is one packet of several HTTP chunks. The socket is corked, not the response: Node would
 * make one HTTP chunk of all that is written to a corked response.
 */
function sendBursts(response: ServerResponse, from = 0): void {
  if (response.destroyed) return;
  const next = from + burstLength;
  response.socket?.cork();
  for (const bytes of chunks.slice(from, next)) response.write(bytes);
  if (next >= chunks.length) response.end();
  response.socket?.uncork();
  if (next < chunks.length) {
    setImmediate(() => {
      sendBursts(response, next);
    });
  }
}

function sendPaced(response: ServerResponse, chunkMs: number): void {
  let at = 0;
  const timer = setInterval(() => {
    response.write(chunks[at] ?? '');
    at += 1;
    if (at === chunks.length) response.end();
  }, chunkMs);
  response.once('close', () => {
    clearInterval(timer);
  });
}

const server = createServer((request, response) => {
  void text(request).then((body) => {
    if (!/"stream":\s*true/.test(body)) return sendWhole(response);
    startStream(response);
    const model = /"model":\s*"(\w+)"/.exec(body)?.[1] ?? '';
    const chunkMs = pacedModels[model];
    return chunkMs === undefined ? sendBursts(response) : sendPaced(response, chunkMs);
  });
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.stdout.write(`${typeof address === 'object' ? address?.port : ''}\n`);
});
process.once('SIGTERM', () => {
  server.close();
  server.closeAllConnections();
});
