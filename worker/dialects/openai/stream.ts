import type { Operation } from '../../../contract/routing-table.ts';
import { estimateTokens } from '../../streaming/estimate-tokens.ts';
import {
  MalformedAnswer,
  type AnswerFacts,
  type StreamChoice,
  type StreamReader,
  type UpstreamError,
  type Usage,
} from '../dialect.ts';
import { isObject, textOf, type JsonObject } from '../json-object.ts';
import { errorOf } from './errors.ts';
import { usageOf } from './usage.ts';

/**
 * Reads along with a stream of chat or text completion chunks. An answer is whole when as many choices as were asked for,
 * and every one that was begun, have a finish_reason, or the provider sent `[DONE]`, which some never do.
 */
export class OpenAIStreamReader implements StreamReader {
  readonly #operation: Operation;
  readonly #dropUsage: boolean;
  readonly #choices: number;
  readonly #openChoices = new Set<number>();
  readonly #finishedChoices = new Set<number>();
  #usage: Usage | undefined;
  #model: string | undefined;
  hasContent = false;
  hasEnded = false;
  error: UpstreamError | undefined;
  estimatedOutput = 0;

  constructor(operation: Operation, { dropUsage, choices }: StreamChoice) {
    this.#operation = operation;
    this.#choices = choices;
    this.#dropUsage = dropUsage;
  }

  get isWhole(): boolean {
    return (
      this.error === undefined &&
      (this.hasEnded || (this.#finishedChoices.size >= this.#choices && this.#openChoices.size === 0))
    );
  }

  get facts(): AnswerFacts {
    return { usage: this.#usage, model: this.#model };
  }

  read(data: string, event: string | undefined): 'Pass' | 'Drop' {
    if (data === '[DONE]') {
      this.hasEnded = true;
      return 'Pass';
    }
    const chunk = parseChunk(data);
    // As the SDKs tell it: `"error": false` is none.
    if (event === 'error' || Boolean(chunk['error'])) {
      this.error = errorOf(chunk['error'] ?? chunk);
      return 'Pass';
    }
    const usage = usageOf(chunk);
    if (usage) this.#usage = usage;
    this.#model ??= textOf(chunk['model']) || undefined;
    const choices: unknown = chunk['choices'];
    if (!Array.isArray(choices)) return 'Pass';
    for (const choice of choices) if (isObject(choice)) this.#readChoice(choice);
    return this.#dropUsage && usage && choices.length === 0 ? 'Drop' : 'Pass';
  }

  #readChoice(choice: JsonObject): void {
    const index = typeof choice['index'] === 'number' ? choice['index'] : 0;
    // Some write an empty reason into every chunk, some send further chunks (usage) for a choice that is finished.
    if (textOf(choice['finish_reason'])) {
      this.#openChoices.delete(index);
      this.#finishedChoices.add(index);
    } else if (!this.#finishedChoices.has(index)) {
      this.#openChoices.add(index);
    }
    if (this.#operation === 'completions') this.#readText(choice['text']);
    else if (isObject(choice['delta'])) this.#readDelta(choice['delta']);
  }

  /** `reasoning_content` is DeepSeek's and vLLM's name, `reasoning` Groq's and OpenRouter's. */
  #readDelta(delta: JsonObject): void {
    this.#readText(delta['content']);
    this.#readText(delta['reasoning_content'] ?? delta['reasoning']);
    if (typeof delta['refusal'] === 'string') this.#readText(delta['refusal']);
    const calls = delta['tool_calls'];
    if (Array.isArray(calls)) for (const call of calls) this.#readCall(isObject(call) ? call['function'] : undefined);
    if (isObject(delta['function_call'])) this.#readCall(delta['function_call']);
    if (delta['audio'] !== undefined && delta['audio'] !== null) this.hasContent = true;
  }

  #readCall(call: unknown): void {
    this.hasContent = true;
    if (!isObject(call)) return;
    this.#readText(call['name']);
    this.#readText(call['arguments']);
  }

  #readText(text: unknown): void {
    if (typeof text === 'string') {
      if (text === '') return;
      this.hasContent = true;
      this.estimatedOutput += estimateTokens(text);
    } else if (Array.isArray(text) && text.length > 0) {
      // Mistral's reasoning models send a list of parts.
      this.hasContent = true;
      this.estimatedOutput += estimateTokens(JSON.stringify(text));
    }
  }
}

function parseChunk(data: string): JsonObject {
  let chunk: unknown;
  try {
    chunk = JSON.parse(data);
  } catch {
    throw new MalformedAnswer('it sent an event that is not JSON');
  }
  if (!isObject(chunk)) throw new MalformedAnswer('it sent an event that is not a JSON object');
  return chunk;
}
