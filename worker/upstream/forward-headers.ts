/**
 * Which headers pass between caller and provider of one dialect: all but those that belong to one connection, to the
 * caller's or the operator's identity, or to this gateway.
 */
const DROPPED: ReadonlySet<string> = new Set([
  // Of one connection (RFC 9110, 7.6.1)
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'expect',
  'host',
  'content-length',
  'accept-encoding',
  'content-encoding',
  // Credentials, and whose account it is
  'authorization',
  'x-api-key',
  'api-key',
  'x-goog-api-key',
  'www-authenticate',
  'cookie',
  'set-cookie',
  'openai-organization',
  'openai-project',
  // Where the caller is
  'forwarded',
  'via',
  'x-real-ip',
  'true-client-ip',
  'cdn-loop',
]);
const DROPPED_PREFIXES = ['cf-', 'x-forwarded-', 'x-fairlead-'];

/** What a browser says to the gateway's own origin, which answers CORS itself. */
const DROPPED_FROM_REQUEST: ReadonlySet<string> = new Set(['origin', 'referer', 'x-request-id', 'content-type']);
const DROPPED_PREFIXES_FROM_REQUEST = ['sec-', 'access-control-'];

/** What a provider says of its own origin, which is not the one that the caller talks to. */
const DROPPED_FROM_RESPONSE: ReadonlySet<string> = new Set([
  'x-request-id',
  'server-timing',
  'server',
  'alt-svc',
  'nel',
  'report-to',
  'reporting-endpoints',
  'strict-transport-security',
  'content-security-policy',
  'clear-site-data',
  'location',
]);
const DROPPED_PREFIXES_FROM_RESPONSE = ['access-control-'];

export function forwardedRequestHeaders(incoming: Headers): Headers {
  return withoutDropped(new Headers(incoming), DROPPED_FROM_REQUEST, DROPPED_PREFIXES_FROM_REQUEST);
}

/** @param headers a copy of the provider's, as `new Response(body, upstream)` has it; changed in place */
export function keepForwardedResponseHeaders(headers: Headers): void {
  withoutDropped(headers, DROPPED_FROM_RESPONSE, DROPPED_PREFIXES_FROM_RESPONSE);
}

/** Copying all and deleting some costs half of what picking some costs: the copy is the runtime's. */
function withoutDropped(headers: Headers, dropped: ReadonlySet<string>, prefixes: readonly string[]): Headers {
  const named = namedByConnection(headers.get('connection'));
  const names = [...headers.keys()];
  for (const name of names)
    if (
      DROPPED.has(name) ||
      dropped.has(name) ||
      named?.has(name) ||
      DROPPED_PREFIXES.some((prefix) => name.startsWith(prefix)) ||
      prefixes.some((prefix) => name.startsWith(prefix))
    )
      headers.delete(name);
  return headers;
}

function namedByConnection(connection: string | null): ReadonlySet<string> | undefined {
  if (connection === null) return undefined;
  return new Set(connection.split(',').map((name) => name.trim().toLowerCase()));
}
