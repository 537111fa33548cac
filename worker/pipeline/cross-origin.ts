import type { Cors } from '../../contract/routing-table.ts';

/** What SDKs in a browser send without being asked; a route need not list it. */
const ALWAYS_ALLOWED: ReadonlySet<string> = new Set(['authorization', 'content-type', 'x-api-key', 'x-request-id']);
const ALWAYS_ALLOWED_PREFIX = 'x-stainless-';

/** What a script in a browser may read of an answer; a route may name more. */
const ALWAYS_EXPOSED = ['x-request-id', 'x-fairlead-revision', 'x-fairlead-backend', 'retry-after', 'server-timing'];

export function allowsOrigin({ allowOrigins }: Cors, origin: string): boolean {
  return allowOrigins.some((pattern) => {
    if (pattern === '*' || pattern === origin) return true;
    // `https://*.example.com`
    const star = pattern.indexOf('*.');
    if (star < 0) return false;
    const [scheme, suffix] = [pattern.slice(0, star), pattern.slice(star + 1)];
    return origin.startsWith(scheme) && origin.endsWith(suffix) && origin.length > scheme.length + suffix.length;
  });
}

/** What an answer to a script of an allowed origin carries. */
export function answerHeaders(cors: Cors, origin: string): Record<string, string> {
  return {
    'access-control-allow-origin': origin,
    vary: 'Origin',
    'access-control-expose-headers': [...ALWAYS_EXPOSED, ...cors.exposeHeaders].join(', '),
    ...(cors.allowCredentials && { 'access-control-allow-credentials': 'true' }),
  };
}

/** @param requestedHeaders the value of `access-control-request-headers` */
export function preflightHeaders(cors: Cors, origin: string, requestedHeaders: string | null): Record<string, string> {
  const listed = new Set(cors.allowHeaders.map((name) => name.toLowerCase()));
  const allowed = (requestedHeaders ?? '')
    .split(',')
    .map((name) => name.trim().toLowerCase())
    .filter(
      (name) =>
        name !== '' &&
        (ALWAYS_ALLOWED.has(name) || name.startsWith(ALWAYS_ALLOWED_PREFIX) || listed.has('*') || listed.has(name)),
    );
  return {
    ...answerHeaders(cors, origin),
    vary: 'Origin, Access-Control-Request-Headers',
    'access-control-allow-methods': 'GET, POST, OPTIONS',
    'access-control-allow-headers': allowed.join(', '),
    'access-control-max-age': String(cors.maxAge),
  };
}
