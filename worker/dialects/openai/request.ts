import type { Operation } from '../../../contract/routing-table.ts';
import { Failure } from '../../errors.ts';
import type { ModelRequest, UpstreamChoice } from '../dialect.ts';
import { replaceIn, scanObject, JsonTooDeep, type JsonObjectScan, type Replacement } from '../json-members.ts';
import { isObject, textOf, type JsonObject } from '../json-object.ts';

/** Real requests nest tool schemas some twenty deep. */
const MAX_DEPTH = 100;

interface OpenAIRequest extends ModelRequest {
  readonly scan: JsonObjectScan;
}

/** Checked by hand, not by a schema: what is not looked at must pass unchanged, and this is on every request's way. */
export function parseRequest(operation: Operation, text: string): OpenAIRequest {
  const scan = scanBody(text);
  const body = parseBody(text);
  if (!scan || !isObject(body)) throw invalid('The request body must be a JSON object.');
  const { model, stream, stream_options: streamOptions } = body;
  if (typeof model !== 'string' || model === '')
    throw invalid('Name the model in the parameter `model`, as text. GET /v1/models lists those you may use.', 'model');
  if (stream !== undefined && stream !== null && typeof stream !== 'boolean')
    throw invalid('The parameter `stream` must be true or false.', 'stream');
  if (operation === 'chat') checkMessages(body['messages']);
  return {
    operation,
    text,
    scan,
    model,
    stream: stream === true && operation !== 'embeddings',
    wantsUsage: isObject(streamOptions) && streamOptions['include_usage'] === true,
    choices: choicesOf(operation, body),
    conversation: () => conversationOf(operation, body),
  };
}

/** `n` for each prompt; a list of numbers is one prompt, in tokens. What is no number the provider refuses. */
function choicesOf(operation: Operation, { n, prompt }: JsonObject): number {
  const each = typeof n === 'number' && Number.isInteger(n) && n > 0 ? n : 1;
  const isList = operation === 'completions' && Array.isArray(prompt) && typeof prompt[0] !== 'number';
  return isList ? each * Math.max(1, prompt.length) : each;
}

function scanBody(text: string): JsonObjectScan | undefined {
  try {
    return scanObject(text, MAX_DEPTH);
  } catch (error) {
    if (!(error instanceof JsonTooDeep)) throw error;
    throw new Failure('invalid_json', `The request body nests deeper than ${MAX_DEPTH} levels.`);
  }
}

function parseBody(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Failure('invalid_json', `The request body is not valid JSON${faultOf(text, error)}.`);
  }
}

/** V8 quotes the place, and with it the content: only the position is repeated, where it names one. */
function faultOf(text: string, error: unknown): string {
  if (text.trim() === '') return ': it is empty';
  const message = error instanceof Error ? error.message : '';
  if (message.startsWith('Unexpected end')) return ': it ends too early';
  const position = /at position (\d+)/.exec(message)?.[1];
  return position === undefined ? '' : `: see position ${position}`;
}

function checkMessages(messages: unknown): void {
  if (!Array.isArray(messages)) throw invalid('The parameter `messages` must be a list of messages.', 'messages');
  if (messages.length === 0) throw invalid('The parameter `messages` must hold at least one message.', 'messages');
  messages.forEach((message: unknown, i) => {
    if (!isObject(message)) throw invalid(`messages[${i}] must be an object.`, `messages[${i}]`);
    if (typeof message['role'] !== 'string')
      throw invalid(`messages[${i}].role must name who speaks, such as \`user\`.`, `messages[${i}].role`);
  });
}

function invalid(message: string, param?: string): Failure {
  return new Failure('invalid_request', message, param === undefined ? {} : { param });
}

/**
 * What stays the same through a conversation: the key its client gives, else how it began. Embeddings share no
 * prompt cache, so nothing binds them.
 */
export function conversationOf(operation: Operation, body: JsonObject): string {
  const metadata = body['metadata'];
  const given = textOf(body['prompt_cache_key']) ?? (isObject(metadata) ? textOf(metadata['user_id']) : undefined);
  if (given !== undefined) return given;
  switch (operation) {
    case 'chat':
      return firstUserText(body['messages']);
    case 'completions':
      return textOf(body['prompt']) ?? '';
    case 'embeddings':
      return '';
  }
}

function firstUserText(messages: unknown): string {
  if (!Array.isArray(messages)) return '';
  const first: unknown = messages.find((message: unknown) => isObject(message) && message['role'] === 'user');
  const content = isObject(first) ? first['content'] : undefined;
  if (!Array.isArray(content)) return textOf(content) ?? '';
  return content.map((part: unknown) => (isObject(part) ? (textOf(part['text']) ?? '') : '')).join('\n');
}

/**
 * The caller's own text, but for the model's name and, in a stream, the wish for usage. A name that is given twice is
 * replaced twice: a provider that reads the first one must not serve another model than was decided on.
 */
export function renderRequest(request: ModelRequest, { model, reportUsage }: UpstreamChoice): string {
  const { open, members } = scanOf(request);
  const replacements: Replacement[] = [];
  const asks = reportUsage && request.stream && !request.wantsUsage;
  if (asks && !members.some(({ key }) => key === 'stream_options'))
    replacements.push({ start: open, end: open, text: '"stream_options":{"include_usage":true},' });
  for (const { key, start, end } of members) {
    if (key === 'model' && !(request.model === model && request.text.slice(start, end) === `"${model}"`))
      replacements.push({ start, end, text: JSON.stringify(model) });
    if (key === 'stream_options' && asks)
      replacements.push({ start, end, text: withUsage(request.text.slice(start, end)) });
  }
  return replacements.length === 0 ? request.text : replaceIn(request.text, replacements);
}

function scanOf(request: ModelRequest): JsonObjectScan {
  const known = (request as Partial<OpenAIRequest>).scan ?? scanObject(request.text, MAX_DEPTH);
  return known ?? { open: 0, members: [] };
}

/** `stream_options` with what the caller put there, and the usage asked for. */
function withUsage(options: string): string {
  const scan = scanObject(options, MAX_DEPTH);
  if (!scan || scan.members.length === 0) return '{"include_usage":true}';
  const given = scan.members.filter(({ key }) => key === 'include_usage');
  if (given.length === 0)
    return replaceIn(options, [{ start: scan.open, end: scan.open, text: '"include_usage":true,' }]);
  return replaceIn(
    options,
    given.map(({ start, end }) => ({ start, end, text: 'true' })),
  );
}
