import type { Context } from 'hono';
import { dialects } from '../dialects/registry.ts';
import type { EdgeContext } from '../edge-context.ts';
import { asFailure, Failure, isWorthRetrying, statusOf } from '../errors.ts';
import type { Outcome } from '../pipeline/exchange.ts';
import { TableUnavailable } from '../table/table-unavailable.ts';

/** The one place where errors become responses, in the caller's dialect. So far every caller speaks OpenAI's. */
export function respondToFailure(thrown: Error, context: Context<EdgeContext>): Response {
  const failure = thrown instanceof TableUnavailable ? notReady(thrown) : asFailure(thrown);
  const status = statusOf(failure.code);
  // Absent where the control side of the edge failed.
  const exchange = context.get('exchange') as EdgeContext['Variables']['exchange'] | undefined;
  exchange?.settle(outcomeOf(failure, status), status, undefined, failure);
  return failureResponse(failure);
}

export function failureResponse(failure: Failure): Response {
  const status = statusOf(failure.code);
  const headers = new Headers({ 'content-type': 'application/json' });
  if (failure.retryAfter !== undefined) headers.set('retry-after', String(failure.retryAfter));
  if (failure.allow !== undefined) headers.set('allow', failure.allow);
  // The SDKs would try again after any 5xx.
  if (status >= 500 && !isWorthRetrying(failure.code)) headers.set('x-should-retry', 'false');
  return new Response(dialects.OpenAI.client.renderError(failure), { status, headers });
}

function notReady({ message, reason }: TableUnavailable): Failure {
  return new Failure('not_ready', `This gateway is starting: ${message}.`, { retryAfter: 1, detail: reason });
}

function outcomeOf({ code }: Failure, status: number): Outcome {
  if (code === 'client_closed_request') return 'client_abort';
  return status < 500 && code !== 'upstream_rate_limited' ? 'refused' : 'failed';
}
