import { expect, test } from 'vitest';
import { renderError, renderStreamError } from '../../../worker/dialects/openai/errors.ts';
import { asFailure, Failure, FAILURE_CODES, isWorthRetrying, statusOf } from '../../../worker/errors.ts';
import { failureResponse } from '../../../worker/middleware/respond-to-failure.ts';

/** What a caller can build on; a line that changes here breaks somebody's code. */
const TAXONOMY = {
  invalid_json: [400, 'invalid_request_error', false],
  invalid_request: [400, 'invalid_request_error', false],
  unsupported_operation: [400, 'invalid_request_error', false],
  invalid_api_key: [401, 'invalid_request_error', false],
  model_not_allowed: [403, 'invalid_request_error', false],
  model_not_found: [404, 'invalid_request_error', false],
  not_found: [404, 'invalid_request_error', false],
  method_not_allowed: [405, 'invalid_request_error', false],
  request_too_large: [413, 'invalid_request_error', false],
  unsupported_content_encoding: [415, 'invalid_request_error', false],
  client_closed_request: [499, 'invalid_request_error', false],
  internal_error: [500, 'server_error', true],
  unsupported_feature: [500, 'server_error', false],
  misconfigured: [500, 'server_error', false],
  not_ready: [503, 'server_error', true],
  no_backend: [503, 'server_error', false],
  upstream_rate_limited: [429, 'rate_limit_error', true],
  upstream_refused_credentials: [502, 'server_error', false],
  upstream_misconfigured: [502, 'server_error', false],
  upstream_failed: [502, 'server_error', true],
  upstream_timeout: [504, 'server_error', true],
  upstream_interrupted: [502, 'server_error', true],
} as const;

test('every code is listed with its status, its type and whether trying again may help', () => {
  const actual = FAILURE_CODES.map((code) => {
    const { error } = JSON.parse(renderError(new Failure(code, 'A sentence.')));
    return [code, [statusOf(code), error.type, isWorthRetrying(code)]];
  });
  expect(Object.fromEntries(actual)).toEqual(TAXONOMY);
});

test.each(FAILURE_CODES)('%s becomes a response in the shape of OpenAI', async (code) => {
  const response = failureResponse(new Failure(code, 'Do this.', { param: 'model', detail: 'operators only' }));
  expect(response.status).toBe(statusOf(code));
  expect(response.headers.get('content-type')).toBe('application/json');
  expect(await response.json()).toEqual({
    error: { message: 'Do this.', type: TAXONOMY[code][1], param: 'model', code },
  });
});

test.each(FAILURE_CODES)('%s is not tried again by an SDK where that cannot help', (code) => {
  const retriedByItself = statusOf(code) === 429 || statusOf(code) >= 500;
  const { headers } = failureResponse(new Failure(code, 'Do this.'));
  const isRetried = headers.get('x-should-retry') !== 'false' && retriedByItself;
  expect(isRetried).toBe(isWorthRetrying(code));
});

test('what was thrown unforeseen tells the caller nothing of itself, and the operator all', () => {
  const failure = asFailure(new TypeError('cannot read the secret of undefined'));
  expect(failure).toMatchObject({ code: 'internal_error', detail: 'TypeError: cannot read the secret of undefined' });
  expect(renderError(failure)).not.toContain('secret');
  expect(asFailure('a text')).toMatchObject({ code: 'internal_error', detail: 'a text' });
});

test('a failure stays what it is', () => {
  const failure = new Failure('no_backend', 'None.');
  expect(asFailure(failure)).toBe(failure);
});

test('when to come back is said in seconds', () => {
  expect(failureResponse(new Failure('upstream_rate_limited', 'x', { retryAfter: 7 })).headers.get('retry-after')).toBe(
    '7',
  );
  expect(failureResponse(new Failure('upstream_rate_limited', 'x')).headers.has('retry-after')).toBe(false);
});

test('within a stream an error is one event of one line, whatever its message holds', () => {
  const event = renderStreamError(new Failure('upstream_interrupted', 'Broken\noff\r\n\r\nhere.'));
  expect(event).toMatch(/^data: [^\r\n]+\n\n$/);
  expect(JSON.parse(event.slice(6))).toEqual({
    error: { message: 'Broken\noff\r\n\r\nhere.', type: 'server_error', param: null, code: 'upstream_interrupted' },
  });
});
