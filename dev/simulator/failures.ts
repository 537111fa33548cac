/**
 * Every way in which the simulator misbehaves, chosen by the name of the model that is asked for.
 * A model name outside this table is answered properly.
 */

/** How a response goes: properly, perhaps slowly or at a given length, or wrong in one way. */
export type Behaviour =
  | { type: 'Answer'; headersMs?: number; firstTokenMs?: number; tokens?: number }
  | { type: 'Respond'; status: number; headers: Record<string, string>; body: string }
  | { type: 'Hang'; at: 'Request' | 'Headers' }
  | { type: 'Cut'; at: 'RoleChunk' | 'MidEvent' }
  | { type: 'ErrorEvent' }
  | { type: 'NoDone' }
  | { type: 'Malformed' };

type Failure = { name: string; does: string; behave: (number: number) => Behaviour };

export type ErrorBody = { message: string; type: string; param: string | null; code: string | null };

export const failures: readonly Failure[] = [
  {
    name: 'fail-400',
    does: 'refuses the request as invalid',
    behave: () => refuse(400, 'invalid_request_error', 'invalid_value', 'The request is invalid.'),
  },
  {
    name: 'fail-401',
    does: 'refuses the API key',
    behave: () => refuse(401, 'invalid_request_error', 'invalid_api_key', 'Incorrect API key provided.'),
  },
  {
    name: 'fail-403',
    does: 'forbids the model to this account',
    behave: () => refuse(403, 'invalid_request_error', 'model_not_allowed', 'This account may not use the model.'),
  },
  {
    name: 'fail-404',
    does: 'does not know the model',
    behave: () => refuse(404, 'invalid_request_error', 'model_not_found', 'The model `fail-404` does not exist.'),
  },
  {
    name: 'fail-408',
    does: 'times out on its side',
    behave: () => refuse(408, 'timeout', null, 'The request took too long.'),
  },
  {
    name: 'fail-429',
    does: 'is over its rate limit, with retry-after: 7',
    behave: () =>
      refuse(429, 'requests', 'rate_limit_exceeded', 'Rate limit reached for requests.', {
        'retry-after': '7',
        'x-ratelimit-limit-requests': '60',
        'x-ratelimit-remaining-requests': '0',
        'x-ratelimit-reset-requests': '7s',
      }),
  },
  {
    name: 'fail-500',
    does: 'has an internal error',
    behave: () => refuse(500, 'server_error', null, 'The server had an error.'),
  },
  {
    name: 'fail-503',
    does: 'is overloaded',
    behave: () => refuse(503, 'server_error', null, 'The engine is currently overloaded.'),
  },
  {
    name: 'fail-html',
    does: 'answers 200 with a web page',
    behave: () => ({
      type: 'Respond',
      status: 200,
      headers: { 'content-type': 'text/html; charset=utf-8' },
      body: '<!doctype html><title>Welcome</title><h1>This is not an API</h1>\n',
    }),
  },
  {
    name: 'fail-redirect',
    does: 'answers 302 to another path',
    behave: () => ({
      type: 'Respond',
      status: 302,
      headers: { location: '/elsewhere' },
      body: '',
    }),
  },
  { name: 'fail-hang', does: 'never answers', behave: () => ({ type: 'Hang', at: 'Request' }) },
  {
    name: 'fail-hang-after-headers',
    does: 'sends headers, then nothing',
    behave: () => ({ type: 'Hang', at: 'Headers' }),
  },
  {
    name: 'fail-cut',
    does: 'destroys the connection in the middle of an event, half-way through',
    behave: () => ({ type: 'Cut', at: 'MidEvent' }),
  },
  {
    name: 'fail-cut-before-content',
    does: 'destroys the connection after the chunk that only names the role',
    behave: () => ({ type: 'Cut', at: 'RoleChunk' }),
  },
  {
    name: 'fail-error-event',
    does: 'sends an error event half-way through; 500 when not streamed',
    behave: () => ({ type: 'ErrorEvent' }),
  },
  {
    name: 'fail-no-done',
    does: 'ends without finish reason, usage and [DONE]',
    behave: () => ({ type: 'NoDone' }),
  },
  {
    name: 'fail-malformed',
    does: 'sends a chunk, or a body, that is not JSON',
    behave: () => ({ type: 'Malformed' }),
  },
  {
    name: 'slow-N',
    does: 'sends headers at once, its first event after N milliseconds',
    behave: (firstTokenMs) => ({ type: 'Answer', firstTokenMs }),
  },
  {
    name: 'late-N',
    does: 'sends even its headers after N milliseconds',
    behave: (headersMs) => ({ type: 'Answer', headersMs }),
  },
  {
    name: 'long-N',
    does: 'answers with exactly N tokens',
    behave: (tokens) => ({ type: 'Answer', tokens }),
  },
];

const byName = new Map(failures.map((failure) => [failure.name, failure]));

/** The behaviour that a model's name asks for; `N` stands for a number in the names of the table. */
export function behaviourOf(model: string): Behaviour {
  const exact = model.endsWith('-N') ? undefined : byName.get(model);
  if (exact !== undefined) return exact.behave(0);
  const numbered = /^(slow|late|long)-(\d{1,7})$/.exec(model);
  if (numbered !== null) {
    const [, name, number] = numbered;
    return byName.get(`${name}-N`)?.behave(Number(number)) ?? { type: 'Answer' };
  }
  if (model.startsWith('fail-')) return unknownFailure(model);
  return { type: 'Answer' };
}

/** A misspelt failure must not look like a success to the test that asked for it. */
function unknownFailure(model: string): Behaviour {
  const known = failures.map((failure) => failure.name).join(', ');
  return refuse(
    404,
    'invalid_request_error',
    'model_not_found',
    `The model \`${model}\` does not exist. The simulator's failures are: ${known}.`,
  );
}

export function refuse(
  status: number,
  type: string,
  code: string | null,
  message: string,
  headers: Record<string, string> = {},
  param: string | null = null,
): Behaviour & { type: 'Respond' } {
  const error: ErrorBody = { message, type, param, code };
  return {
    type: 'Respond',
    status,
    headers: { 'content-type': 'application/json; charset=utf-8', ...headers },
    body: JSON.stringify({ error }, null, 2),
  };
}
