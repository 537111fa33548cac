import type { Usage } from '../dialect.ts';
import { countOf, isObject, type JsonObject } from '../json-object.ts';

/**
 * The usage that an answer or a chunk of one reports, wherever its provider puts it: `usage` (OpenAI and most),
 * `x_groq.usage` (Groq's streams). DeepSeek names the cached part `prompt_cache_hit_tokens` as well.
 */
export function usageOf(body: JsonObject): Usage | undefined {
  const groq = body['x_groq'];
  const usage = isObject(body['usage']) ? body['usage'] : isObject(groq) ? groq['usage'] : undefined;
  if (!isObject(usage) || typeof usage['prompt_tokens'] !== 'number') return undefined;
  const input = usage['prompt_tokens_details'];
  const output = usage['completion_tokens_details'];
  return {
    input: countOf(usage['prompt_tokens']),
    output: countOf(usage['completion_tokens']),
    cachedInput: countOf(isObject(input) ? input['cached_tokens'] : usage['prompt_cache_hit_tokens']),
    reasoning: countOf(isObject(output) ? output['reasoning_tokens'] : undefined),
  };
}
