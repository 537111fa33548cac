/**
 * Where the members of a JSON object stand in its text, so that one value can be replaced and every other byte stays
 * as its sender wrote it. What is between the quotes of strings is skipped natively; nothing is parsed.
 *
 * The text need not be valid: whoever uses the positions has JSON.parse'd it.
 */
export interface JsonMember {
  /** As JSON.parse would give it. */
  readonly key: string;
  /** Of the value: its first character, and the one after its last. */
  readonly start: number;
  readonly end: number;
}

export interface JsonObjectScan {
  /** The place after the opening brace. */
  readonly open: number;
  readonly members: readonly JsonMember[];
}

/** Raised for a text that nests deeper than allowed: what parses it further on may use a stack. */
export class JsonTooDeep extends Error {
  override name = 'JsonTooDeep';
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/**
 * @returns undefined where the text is not an object
 * @throws {JsonTooDeep} where arrays and objects nest deeper than `maxDepth`
 */
export function scanObject(text: string, maxDepth: number, from = 0): JsonObjectScan | undefined {
  const start = skipSpace(text, from);
  if (text.charCodeAt(start) !== OPEN_OBJECT) {
    skipValue(text, start, maxDepth);
    return undefined;
  }
  const members: JsonMember[] = [];
  let at = skipSpace(text, start + 1);
  while (text.charCodeAt(at) === QUOTE) {
    const keyEnd = skipString(text, at);
    const key = keyOf(text, at, keyEnd);
    const colon = skipSpace(text, keyEnd);
    if (text.charCodeAt(colon) !== COLON) break;
    const valueStart = skipSpace(text, colon + 1);
    const end = skipValue(text, valueStart, maxDepth - 1);
    members.push({ key, start: valueStart, end });
    at = skipSpace(text, end);
    if (text.charCodeAt(at) === COMMA) at = skipSpace(text, at + 1);
  }
  return { open: start + 1, members };
}

export interface Replacement {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** @param replacements in order of their places, without overlap */
export function replaceIn(text: string, replacements: readonly Replacement[]): string {
  let result = '';
  let at = 0;
  for (const { start, end, text: replacement } of replacements) {
    result += text.slice(at, start) + replacement;
    at = end;
  }
  return result + text.slice(at);
}

function skipSpace(text: string, from: number): number {
  let at = from;
  for (;;) {
    const code = text.charCodeAt(at);
    if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return at;
    at++;
  }
}

/** @param at place of the opening quote; @returns the place after the closing one, or the end of the text */
function skipString(text: string, at: number): number {
  let quote = at;
  for (;;) {
    quote = text.indexOf('"', quote + 1);
    if (quote < 0) return text.length;
    let backslashes = 0;
    while (text.charCodeAt(quote - 1 - backslashes) === BACKSLASH) backslashes++;
    if (backslashes % 2 === 0) return quote + 1;
  }
}

/** A key written with escapes means the same as one without: `"mod\u0065l"` is `model`. */
function keyOf(text: string, start: number, end: number): string {
  const key = text.slice(start + 1, end - 1);
  if (!key.includes('\\')) return key;
  try {
    return String(JSON.parse(text.slice(start, end)));
  } catch {
    return key;
  }
}

function skipValue(text: string, from: number, maxDepth: number): number {
  let depth = 0;
  let at = from;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      at = skipString(text, at);
      if (depth === 0) return at;
      continue;
    }
    if (code === OPEN_OBJECT || code === OPEN_LIST) {
      if (++depth > maxDepth) throw new JsonTooDeep();
    } else if (code === CLOSE_OBJECT || code === CLOSE_LIST) {
      if (depth === 0) return at;
      if (--depth === 0) return at + 1;
    } else if (depth === 0 && (code === COMMA || code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09)) {
      return at;
    }
    at++;
  }
  return text.length;
}
