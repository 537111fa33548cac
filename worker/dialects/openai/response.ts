import { MalformedAnswer, type AnswerFacts } from '../dialect.ts';
import { isObject, textOf } from '../json-object.ts';
import { errorOf } from './errors.ts';
import { usageOf } from './usage.ts';

/** Beyond this, in characters, an answer is long lists of numbers, and parsing it would take milliseconds. */
const PARSED_WHOLE = 256 * 1024;

/** Reads what a non-streamed answer says of itself; its bytes go to the caller as they came. */
export function readAnswer(text: string): AnswerFacts {
  return text.length <= PARSED_WHOLE ? readWhole(text) : readEnds(text);
}

function readWhole(text: string): AnswerFacts {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    throw new MalformedAnswer('it answered with something that is not JSON');
  }
  if (!isObject(body)) throw new MalformedAnswer('it answered with JSON that is not an object');
  // OpenRouter and others report failures of the model behind them with a status of success.
  if (isObject(body['error']))
    throw new MalformedAnswer(`it reported an error with a status of success (${errorOf(body['error']).code ?? '?'})`);
  return { usage: usageOf(body), model: textOf(body['model']) };
}

/**
 * Of a long answer only the frame is looked at. An unescaped `"usage":` cannot stand within a string of valid JSON,
 * so the last one is the member itself, and its value holds no braces but its own.
 */
function readEnds(text: string): AnswerFacts {
  if (!/^\s*\{/.test(text.slice(0, 64)) || !/\}\s*$/.test(text.slice(-64)))
    throw new MalformedAnswer('it answered with something that is not a JSON object');
  const found = /^"usage"\s*:\s*(\{(?:[^{}]|\{[^{}]*\})*\})/.exec(
    text.slice(text.lastIndexOf('"usage"')).slice(0, 4096),
  );
  try {
    return { usage: found?.[1] ? usageOf({ usage: JSON.parse(found[1]) }) : undefined, model: undefined };
  } catch {
    return { usage: undefined, model: undefined };
  }
}
