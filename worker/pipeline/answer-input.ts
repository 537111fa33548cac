import type { DialectName, ModelRequest } from '../dialects/dialect.ts';
import type { UpstreamServices } from '../upstream/call-upstream.ts';
import type { CallControl } from '../upstream/call-control.ts';
import type { Health } from '../upstream/health.ts';
import { forwardedResponseHeaders } from '../upstream/forward-headers.ts';
import type { Exchange } from './exchange.ts';
import type { Serve } from './plan-request.ts';

export interface AnswerServices extends UpstreamServices {
  readonly health: Health;
}

/** A request that has been let in, and what is needed to have it answered. */
export interface AnswerInput {
  readonly exchange: Exchange;
  readonly plan: Serve;
  readonly request: ModelRequest;
  /** What the caller speaks. */
  readonly clientDialect: DialectName;
  readonly services: AnswerServices;
}

/** A provider finds fault with the request itself: its answer is the caller's, as it came. */
export interface Refused {
  readonly type: 'Refusal';
  readonly status: number;
  readonly response: Response;
  readonly body: Uint8Array;
}

export function responseHeaders({ candidate }: Exchange, upstream: Response): Headers {
  const headers = forwardedResponseHeaders(upstream.headers);
  if (candidate) headers.set('x-fairlead-backend', candidate.backend.name);
  return headers;
}

export function refusalResponse(
  exchange: Exchange,
  { status, response, body }: Refused,
  control: CallControl,
): Response {
  exchange.settle(control.clientGone ? 'client_abort' : 'refused', status);
  return new Response(body, { status, headers: responseHeaders(exchange, response) });
}
