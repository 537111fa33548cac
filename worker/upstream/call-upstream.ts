import type { ModelRequest, UpstreamSide } from '../dialects/dialect.ts';
import { dialects } from '../dialects/registry.ts';
import { Failure } from '../errors.ts';
import type { Exchange } from '../pipeline/exchange.ts';
import type { Candidate } from '../pipeline/list-candidates.ts';
import { forwardedRequestHeaders } from './forward-headers.ts';
import { reachProvider, Unreachable, type Reach, type Reaching } from './reach-provider.ts';
import { refusalOf } from './refusal.ts';

export interface UpstreamServices extends Reaching {
  /** Providers that refuse to be asked for the usage of a stream, by cluster and id, learnt from their answers. */
  readonly withoutUsageOption: Set<string>;
}

export type UpstreamAnswer =
  | { readonly type: 'Success'; readonly response: Response }
  /** The request itself was refused: the answer is the caller's. */
  | { readonly type: 'Refusal'; readonly response: Response; readonly body: Uint8Array };

/** One call to one backend. @throws {Failure} where another backend may do better */
export async function callUpstream(
  services: UpstreamServices,
  exchange: Exchange,
  candidate: Candidate,
  request: ModelRequest,
  signal: AbortSignal,
): Promise<UpstreamAnswer> {
  const { provider, providerId, backend } = candidate;
  const { upstream } = dialects[provider.dialect];
  const path = upstream.path(request.operation);
  if (path === undefined) throw misconfigured(providerId, `its dialect does not know ${request.operation}`);
  const { headers, secrets, baseURL, fetch } = await reach(services, exchange, candidate, upstream);
  const send = (reportUsage: boolean): Promise<Response> =>
    fetch(baseURL + path, {
      method: 'POST',
      headers,
      body: upstream.renderRequest(request, { model: backend.model, reportUsage }),
      redirect: 'manual',
      signal,
    });

  const { withoutUsageOption } = services;
  const known = `${candidate.home.cluster} ${providerId}`;
  const asksForUsage = request.stream && !withoutUsageOption.has(known);
  let response = await send(asksForUsage);
  if (response.ok) return { type: 'Success', response };
  let body = await refusalOf(response, candidate, secrets, upstream, exchange.clock.now);
  // Mistral refuses the option outright, and reports the usage of a stream without it.
  if (asksForUsage && !request.wantsUsage && mentionsUsageOption(response.status, body)) {
    withoutUsageOption.add(known);
    response = await send(false);
    if (response.ok) return { type: 'Success', response };
    body = await refusalOf(response, candidate, secrets, upstream, exchange.clock.now);
  }
  return { type: 'Refusal', response, body };
}

function mentionsUsageOption(status: number, body: Uint8Array): boolean {
  return (status === 400 || status === 422) && /stream_options|include_usage/.test(new TextDecoder().decode(body));
}

async function reach(
  services: UpstreamServices,
  exchange: Exchange,
  candidate: Candidate,
  upstream: UpstreamSide,
): Promise<Reach & { readonly headers: Headers }> {
  const headers = forwardedRequestHeaders(exchange.request.headers);
  headers.set('content-type', 'application/json');
  headers.set('x-request-id', exchange.requestId);
  try {
    return { ...(await reachProvider(services, candidate, upstream, headers)), headers };
  } catch (error) {
    if (error instanceof Unreachable) throw misconfigured(candidate.providerId, error.message);
    throw error;
  }
}

/** The caller learns who is at fault, and the operator, from the log, what the fault is. */
function misconfigured(providerId: string, detail: string): Failure {
  return new Failure(
    'upstream_misconfigured',
    `The provider ${providerId} cannot be called as it is configured. Its operator finds the reason in the log.`,
    { detail },
  );
}
