import type { Answer, ToolCall } from './answer.ts';
import { splitIntoTokens } from './tokens.ts';
import type { Usage } from './usage.ts';

/** What all parts of one answer have in common. `created` is in seconds since 1970. */
export type AnswerHead = { id: string; created: number; model: string };

/** One event of a stream. The stage tells the pace what costs time, and the failures where to strike. */
export type StreamEvent = { stage: 'Role' | 'Token' | 'Finish' | 'Usage'; payload: object };

export function renderChatBody(head: AnswerHead, answers: Answer[], usage: Usage): object {
  return {
    id: head.id,
    object: 'chat.completion',
    created: head.created,
    model: head.model,
    choices: answers.map((answer, index) => ({
      index,
      message: {
        role: 'assistant',
        content: answer.toolCalls.length > 0 ? null : answer.tokens.join(''),
        ...(answer.toolCalls.length > 0 && { tool_calls: answer.toolCalls.map(renderToolCall) }),
        refusal: null,
        annotations: [],
      },
      logprobs: null,
      finish_reason: answer.finishReason,
    })),
    usage,
    service_tier: 'default',
    system_fingerprint: 'fp_simulator',
  };
}

/**
 * As OpenAI does: with `stream_options.include_usage` every chunk holds `usage: null` and one more
 * chunk without choices holds the usage; without it the word does not occur.
 */
export function renderChatEvents(head: AnswerHead, answers: Answer[], usage: Usage | undefined): StreamEvent[] {
  const event = (stage: StreamEvent['stage'], choices: object[], total: Usage | null = null) => ({
    stage,
    payload: {
      id: head.id,
      object: 'chat.completion.chunk',
      created: head.created,
      model: head.model,
      service_tier: 'default',
      system_fingerprint: 'fp_simulator',
      choices,
      ...(usage !== undefined && { usage: total }),
    },
  });
  const deltas = answers.map(answerDeltas);
  const longest = Math.max(...deltas.map((list) => list.length));
  return [
    ...answers.map((answer, index) => event('Role', chunkChoice(index, roleDelta(answer)))),
    ...Array.from({ length: longest }, (_, at) =>
      deltas.flatMap((list, index) => {
        const delta = list[at];
        return delta === undefined ? [] : [event('Token', chunkChoice(index, delta))];
      }),
    ).flat(),
    ...answers.map((answer, index) => event('Finish', chunkChoice(index, {}, answer.finishReason))),
    ...(usage === undefined ? [] : [event('Usage', [], usage)]),
  ];
}

function chunkChoice(index: number, delta: object, finishReason: string | null = null): object[] {
  return [{ index, delta, logprobs: null, finish_reason: finishReason }];
}

function roleDelta(answer: Answer): object {
  return { role: 'assistant', content: answer.toolCalls.length > 0 ? null : '', refusal: null };
}

function answerDeltas(answer: Answer): object[] {
  if (answer.toolCalls.length === 0) return answer.tokens.map((content) => ({ content }));
  return answer.toolCalls.flatMap((call, index) => [
    { tool_calls: [{ index, ...renderToolCall({ ...call, arguments: '' }) }] },
    ...splitIntoTokens(call.arguments).map((part) => ({
      tool_calls: [{ index, function: { arguments: part } }],
    })),
  ]);
}

function renderToolCall(call: ToolCall): object {
  return { id: call.id, type: 'function', function: { name: call.name, arguments: call.arguments } };
}
