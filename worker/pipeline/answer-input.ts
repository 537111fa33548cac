import type { DialectName, ModelRequest } from '../dialects/dialect.ts';
import type { UpstreamServices } from '../upstream/call-upstream.ts';
import type { CallControl } from '../upstream/call-control.ts';
import type { Health } from '../upstream/health.ts';
import { keepForwardedResponseHeaders } from '../upstream/forward-headers.ts';
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

/** The provider's answer with another body: its status, and of its headers those that may pass. */
export function answerAs(body: BodyInit, upstream: Response, { candidate }: Pick<Exchange, 'candidate'>): Response {
  const response = new Response(body, upstream);
  keepForwardedResponseHeaders(response.headers);
  if (candidate) response.headers.set('x-fairlead-backend', candidate.backend.name);
  return response;
}

export function refusalResponse(
  exchange: Exchange,
  { status, response, body }: Refused,
  control: CallControl,
): Response {
  exchange.settle(control.clientGone ? 'client_abort' : 'refused', status);
  return answerAs(body, response, exchange);
}
