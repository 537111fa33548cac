import type { ModelRequest, UpstreamSide } from '../dialects/dialect.ts';
import { dialects } from '../dialects/registry.ts';
import { Failure } from '../errors.ts';
import type { Exchange } from '../pipeline/exchange.ts';
import type { Candidate } from '../pipeline/list-candidates.ts';
import { CredentialFault, type Credentials } from './credentials.ts';
import { forwardedRequestHeaders } from './forward-headers.ts';
import { refusalOf } from './refusal.ts';
import { targetOf } from './target.ts';

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

export interface UpstreamServices {
  readonly fetch: Fetch;
  /** The `fetch` of one of the worker's bindings. */
  readonly binding: (name: string) => { fetch: Fetch } | undefined;
  readonly credentials: Credentials;
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
  const target = targetOf(provider);
  if (target.fault !== undefined) throw misconfigured(providerId, target.fault);
  const path = upstream.path(request.operation);
  if (path === undefined) throw misconfigured(providerId, `its dialect does not know ${request.operation}`);
  const { headers, secrets } = await headersFor(services, exchange, candidate, upstream);
  const send = (reportUsage: boolean): Promise<Response> =>
    fetcherOf(services, candidate)(target.baseURL + path, {
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

function fetcherOf(services: UpstreamServices, { provider, providerId }: Candidate): Fetch {
  if (provider.binding === undefined) return services.fetch;
  const binding = services.binding(provider.binding);
  if (!binding) throw misconfigured(providerId, `the worker has no binding ${provider.binding} that can be called`);
  return (url, init) => binding.fetch(url, init);
}

interface UpstreamHeaders {
  readonly headers: Headers;
  /** What must not be repeated from an answer. */
  readonly secrets: readonly string[];
}

async function headersFor(
  { credentials }: UpstreamServices,
  exchange: Exchange,
  candidate: Candidate,
  upstream: UpstreamSide,
): Promise<UpstreamHeaders> {
  const { provider, providerId } = candidate;
  const headers = forwardedRequestHeaders(exchange.request.headers);
  headers.set('content-type', 'application/json');
  headers.set('x-request-id', exchange.requestId);
  if (provider.hostHeader !== undefined) headers.set('host', provider.hostHeader);
  const secrets: string[] = [];
  try {
    for (const header of provider.headers) {
      const value =
        header.type === 'Value' ? header.value : await credentials.value({ type: 'Sealed', id: header.id }, candidate);
      if (header.type === 'Sealed') secrets.push(value);
      headers.set(header.name, value);
    }
    if (provider.auth) {
      const opening = credentials.value(provider.auth.credential, candidate);
      const value = typeof opening === 'string' ? opening : await opening;
      secrets.push(value);
      const [name, text] =
        provider.auth.header === undefined ? upstream.credentialHeader(value) : [provider.auth.header, value];
      headers.set(name, text);
    }
  } catch (error) {
    if (error instanceof CredentialFault) throw misconfigured(providerId, error.message);
    throw error;
  }
  return { headers, secrets };
}

/** The caller learns who is at fault, and the operator, from the log, what the fault is. */
function misconfigured(providerId: string, detail: string): Failure {
  return new Failure(
    'upstream_misconfigured',
    `The provider ${providerId} cannot be called as it is configured. Its operator finds the reason in the log.`,
    { detail },
  );
}
