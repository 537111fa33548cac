/** The endpoints of the dialects spoken here. A route's path prefix may stand before each. */
const ENDPOINTS: ReadonlySet<string> = new Set([
  '/v1/chat/completions',
  '/v1/completions',
  '/v1/embeddings',
  '/v1/models',
]);
const ONE_MODEL = '/v1/models/';
const VERSION = '/v1/';

/** The control side of the edge, which no route may stand before. */
function isControlPath(path: string): boolean {
  return path === '/healthz' || path === '/fairlead' || path.startsWith('/fairlead/');
}

/**
 * What the app's table of contents is matched against: the endpoint without the route's prefix, `/v1/chat/completions`
 * for `/team-a/v1/chat/completions`. A path that is no endpoint is returned as it is.
 */
export function endpointOf(path: string): string {
  if (ENDPOINTS.has(path) || isControlPath(path)) return path;
  for (let at = path.indexOf(VERSION); at >= 0; at = path.indexOf(VERSION, at + 1)) {
    const rest = at === 0 ? path : path.slice(at);
    if (ENDPOINTS.has(rest) || (rest.startsWith(ONE_MODEL) && rest.length > ONE_MODEL.length)) return rest;
  }
  return path;
}

/** The whole path of a URL, without parsing it: a request's URL is normalised already. */
export function pathOf(url: string): string {
  const start = url.indexOf('/', url.indexOf('://') + 3);
  if (start < 0) return '/';
  const query = url.indexOf('?', start);
  const hash = url.indexOf('#', start);
  const end = query < 0 ? hash : hash < 0 ? query : Math.min(query, hash);
  return end < 0 ? url.slice(start) : url.slice(start, end);
}

/** The host of a URL, lower-case, without port. */
export function hostOf(url: string): string {
  const start = url.indexOf('://') + 3;
  const end = url.indexOf('/', start);
  return withoutPort(end < 0 ? url.slice(start) : url.slice(start, end)).toLowerCase();
}

/** A host without its port; an IPv6 literal keeps its brackets. */
export function withoutPort(host: string): string {
  const colon = host.lastIndexOf(':');
  return colon < 0 || host.endsWith(']') ? host : host.slice(0, colon);
}
