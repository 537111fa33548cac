/**
 * The simulator's tokenizer: a word with the space before it, or one other character.
 * Joining the tokens gives the text back, which is all that a stream needs.
 */
export function splitIntoTokens(text: string): string[] {
  return text.match(/\s*[\p{L}\p{N}]+|\s*[^\p{L}\p{N}\s]|\s+/gu) ?? [];
}

export function countTokens(text: string): number {
  return splitIntoTokens(text).length;
}
