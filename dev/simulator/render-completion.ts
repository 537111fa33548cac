import type { Answer, FinishReason } from './answer.ts';
import type { AnswerHead, StreamEvent } from './render-chat.ts';
import type { Usage } from './usage.ts';

/** The legacy completions endpoint, whose usage has no details. */
export function renderCompletionBody(head: AnswerHead, answers: Answer[], usage: Usage): object {
  return {
    id: head.id,
    object: 'text_completion',
    created: head.created,
    model: head.model,
    choices: answers.map((answer, index) => textChoice(index, answer.tokens.join(''), answer.finishReason)),
    usage: withoutDetails(usage),
  };
}

export function renderCompletionEvents(head: AnswerHead, answers: Answer[], usage: Usage | undefined): StreamEvent[] {
  const event = (stage: StreamEvent['stage'], choices: object[], total: Usage | null = null) => ({
    stage,
    payload: {
      id: head.id,
      object: 'text_completion',
      created: head.created,
      choices,
      model: head.model,
      ...(usage !== undefined && { usage: total && withoutDetails(total) }),
    },
  });
  return [
    ...answers.flatMap((answer, index) =>
      answer.tokens.map((token) => event('Token', [textChoice(index, token, null)])),
    ),
    ...answers.map((answer, index) => event('Finish', [textChoice(index, '', answer.finishReason)])),
    ...(usage === undefined ? [] : [event('Usage', [], usage)]),
  ];
}

function textChoice(index: number, text: string, finishReason: FinishReason | null): object {
  return { text, index, logprobs: null, finish_reason: finishReason };
}

function withoutDetails(usage: Usage): object {
  const { prompt_tokens, completion_tokens, total_tokens } = usage;
  return { prompt_tokens, completion_tokens, total_tokens };
}
