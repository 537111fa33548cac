import type { AnswerFacts, StreamReader } from '../dialects/dialect.ts';
import { estimateLongText } from '../streaming/estimate-tokens.ts';
import type { Metered } from './exchange.ts';

/** What a stream used: as its provider counted it, else by estimate from what came of it. */
export function meterStream({ facts, estimatedOutput }: StreamReader, requestText: string): Metered {
  return meter(facts, requestText, estimatedOutput);
}

/** @param estimatedOutput tokens of the answer, where the provider counted none */
export function meter(facts: AnswerFacts, requestText: string, estimatedOutput: number): Metered {
  if (facts.usage) return { ...facts, isEstimate: false };
  const usage = {
    input: estimateLongText(requestText),
    output: Math.ceil(estimatedOutput),
    cachedInput: 0,
    reasoning: 0,
  };
  return { usage, model: facts.model, isEstimate: true };
}
