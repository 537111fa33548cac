import type { Answering } from './fake-upstream.ts';

/** What a provider answers in OpenAI's dialect. The words are ones that a log must not hold. */
export const SAID = 'parrots whisper';

export const USAGE = {
  prompt_tokens: 11,
  completion_tokens: 7,
  total_tokens: 18,
  prompt_tokens_details: { cached_tokens: 4 },
  completion_tokens_details: { reasoning_tokens: 2 },
};

export function completion(change: object = {}) {
  return {
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: 1_767_225_600,
    model: 'upstream-demo-2026-01-01',
    choices: [{ index: 0, message: { role: 'assistant', content: SAID }, finish_reason: 'stop' }],
    usage: USAGE,
    ...change,
  };
}

export function answers(body: unknown, init?: ResponseInit): Answering {
  return () => Response.json(body, init);
}

export function refuses(status: number, error: object, headers: Record<string, string> = {}): Answering {
  return () => Response.json({ error }, { status, headers });
}

function chunk(change: object): string {
  const frame = { id: 'chatcmpl-1', object: 'chat.completion.chunk', model: 'upstream-demo-2026-01-01' };
  return event({ ...frame, choices: [], usage: null, ...change });
}

export function event(data: object): string {
  return `data: ${JSON.stringify(data)}\n\n`;
}

function delta(change: object, finishReason: string | null = null): string {
  return chunk({ choices: [{ index: 0, delta: change, finish_reason: finishReason }] });
}

export const ROLE = delta({ role: 'assistant', content: '' });
export const PARROTS = delta({ content: 'parrots' });
export const WHISPER = delta({ content: ' whisper' });
export const STOP = delta({}, 'stop');
export const USAGE_ONLY = chunk({ usage: USAGE });
export const DONE = 'data: [DONE]\n\n';

/** A whole stream without the usage, as it reaches a caller that did not ask for it. */
export const STREAM = [ROLE, PARROTS, WHISPER, STOP, DONE].join('');
/** The same as a provider sends it that was asked for the usage. */
export const STREAM_WITH_USAGE = [ROLE, PARROTS, WHISPER, STOP, USAGE_ONLY, DONE].join('');

/** Sends all of a stream, and then ends. */
export function streams(text: string, headers: Record<string, string> = {}): Answering {
  return () => new Response(text, { headers: { 'content-type': 'text/event-stream', ...headers } });
}
