import type { Answer } from './answer.ts';
import { textOf } from './answer.ts';
import type { ChatRequest } from './request-schemas.ts';
import { countTokens } from './tokens.ts';

export type Usage = {
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
  prompt_tokens_details: { cached_tokens: number; audio_tokens: number };
  completion_tokens_details: {
    reasoning_tokens: number;
    audio_tokens: number;
    accepted_prediction_tokens: number;
    rejected_prediction_tokens: number;
  };
};

export function usageOf(promptTokens: number, answers: Answer[]): Usage {
  const completionTokens = answers.reduce((sum, answer) => sum + answerTokens(answer), 0);
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
    completion_tokens_details: {
      reasoning_tokens: 0,
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  };
}

/** Three tokens frame each message and three open the answer, as in OpenAI's published counting recipe. */
export function countPromptTokens(request: ChatRequest): number {
  const perMessage = request.messages.map((message) => 3 + countTokens(textOf(message)));
  const forTools = request.tools?.length ? countTokens(JSON.stringify(request.tools)) : 0;
  return perMessage.reduce((sum, tokens) => sum + tokens, 3) + forTools;
}

function answerTokens(answer: Answer): number {
  return answer.toolCalls.reduce(
    (sum, call) => sum + countTokens(call.name) + countTokens(call.arguments),
    answer.tokens.length,
  );
}
