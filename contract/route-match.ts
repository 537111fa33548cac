import type { RouteEntry } from './routing-table.ts';

/**
 * Which route a request meets. The agent finds conflicting claims and the worker finds routes by the same order:
 * the more specific host, the longer path, the more headers, then the older resource, then its id
 * (Gateway API, HTTPRouteRule, "Proxy or Load Balancer routing configuration ... MUST prioritize").
 */
export type MatchFields = Pick<RouteEntry, 'hostnames' | 'pathPrefix' | 'headers' | 'created'>;

/** One host name of one route: what a claim on a model name consists of, beside that name. */
export interface RouteMatch {
  readonly id: string;
  /** Exact, `*.suffix`, or `*` for a route that names no host. */
  readonly hostname: string;
  readonly pathPrefix: string;
  readonly headers: MatchFields['headers'];
  readonly created: string;
}

export function matchesOf(id: string, route: MatchFields): RouteMatch[] {
  const hostnames = route.hostnames.length === 0 ? ['*'] : route.hostnames;
  const { pathPrefix, headers, created } = route;
  return hostnames.map((hostname) => ({ id, hostname, pathPrefix, headers, created }));
}

/** Negative where `a` goes first. */
export function compareMatches(a: RouteMatch, b: RouteMatch): number {
  return compareSpecificity(a, b) || compareText(a.created, b.created) || compareText(a.id, b.id);
}

/** Negative where `a` is the more specific; zero where only age and name decide, which say nothing between clusters. */
export function compareSpecificity(a: RouteMatch, b: RouteMatch): number {
  return (
    hostSpecificity(b.hostname) - hostSpecificity(a.hostname) ||
    b.pathPrefix.length - a.pathPrefix.length ||
    b.headers.length - a.headers.length
  );
}

/** Equal for two matches that meet exactly the same requests: then only age and name decide. */
export function matchKey(match: RouteMatch): string {
  const headers = match.headers.map(({ name, value }) => `${name}=${value}`).toSorted();
  return JSON.stringify([match.hostname, match.pathPrefix, headers]);
}

/** An exact name beats a wildcard, a longer wildcard a shorter one, and any name none at all. */
function hostSpecificity(hostname: string): number {
  if (hostname === '*') return 0;
  return hostname.startsWith('*.') ? hostname.length : 1000 + hostname.length;
}

/** @param host lower-case, without port */
export function hostMatches(pattern: string, host: string): boolean {
  if (pattern === '*') return true;
  return pattern.startsWith('*.')
    ? host.endsWith(pattern.slice(1)) && host.length > pattern.length - 1
    : host === pattern;
}

/** Whether the prefix covers the path by whole elements: `/a` covers `/a` and `/a/b`, not `/ab`. */
export function pathMatches(prefix: string, path: string): boolean {
  if (prefix === '/') return true;
  return path.startsWith(prefix) && (path.length === prefix.length || path.charCodeAt(prefix.length) === 0x2f);
}

/** Whether a name is meant by a pattern: the name itself, `prefix*`, or `*`. */
export function nameMatches(pattern: string, name: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : pattern === name;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
