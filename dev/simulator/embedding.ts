import { createHash } from 'node:crypto';

import type { EmbeddingRequest } from './request-schemas.ts';
import { countTokens } from './tokens.ts';

const defaultDimensions = 256;

/** Vectors of length 1, made from a hash of the input: the same text always has the same vector. */
export function renderEmbeddings(request: EmbeddingRequest, reportedModel: string): object {
  const inputs = embeddingInputs(request.input);
  const tokens = inputs.reduce((sum, input) => sum + input.tokens, 0);
  return {
    object: 'list',
    data: inputs.map((input, index) => {
      const vector = embed(input.text, request.dimensions ?? defaultDimensions);
      const embedding = request.encoding_format === 'base64' ? toBase64(vector) : [...vector];
      return { object: 'embedding', index, embedding };
    }),
    model: reportedModel,
    usage: { prompt_tokens: tokens, total_tokens: tokens },
  };
}

export function embed(text: string, dimensions: number): Float32Array {
  const vector = new Float32Array(dimensions);
  for (let at = 0; at < dimensions; at += 1) {
    const digest = createHash('sha256').update(`${at}:${text}`).digest();
    vector[at] = digest.readInt32LE(0) / 2 ** 31;
  }
  const length = Math.hypot(...vector);
  return vector.map((value) => value / length);
}

/** Input is a text, several texts, the token ids of a text, or those of several texts. */
function embeddingInputs(input: EmbeddingRequest['input']): { text: string; tokens: number }[] {
  if (typeof input === 'string') return [{ text: input, tokens: countTokens(input) }];
  const isOneListOfIds = input.every((item) => typeof item === 'number');
  const items: (string | number[])[] = isOneListOfIds ? [input] : [...input].filter(isNotNumber);
  return items.map((item) =>
    typeof item === 'string'
      ? { text: item, tokens: countTokens(item) }
      : { text: item.join(' '), tokens: item.length },
  );
}

function isNotNumber(item: string | number | number[]): item is string | number[] {
  return typeof item !== 'number';
}

/** Little-endian 32-bit floats, as OpenAI encodes them. */
function toBase64(vector: Float32Array): string {
  const bytes = Buffer.alloc(vector.length * 4);
  vector.forEach((value, at) => bytes.writeFloatLE(value, at * 4));
  return bytes.toString('base64');
}
