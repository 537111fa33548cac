import { hostMatches, pathMatches } from '../../contract/route-match.ts';
import type { RouteClaim, ServedTable } from '../table/served-table.ts';

/** What of a request decides which routes it meets. */
export interface RequestPlace {
  /** Lower-case, without port. */
  readonly host: string;
  /** The whole path. */
  readonly path: string;
  /** @param name lower-case */
  readonly header: (name: string) => string | null | undefined;
}

export function claimMatches(claim: RouteClaim, place: RequestPlace): boolean {
  return matchesPlace(claim, place) && claim.headers.every(({ name, value }) => place.header(name) === value);
}

function matchesPlace(claim: RouteClaim, { host, path }: Pick<RequestPlace, 'host' | 'path'>): boolean {
  return hostMatches(claim.hostname, host) && pathMatches(claim.pathPrefix, path);
}

/** Whether any route of this place asks for no key: only then may a request without one be read at all. */
export function mayBeAnonymous(table: ServedTable, place: RequestPlace): boolean {
  return table.claims().some((claim) => claim.route.authentication === 'Anonymous' && matchesPlace(claim, place));
}

/** The routes of a place whatever their headers, most specific first: a preflight request carries none of those. */
export function claimsAt(table: ServedTable, place: Pick<RequestPlace, 'host' | 'path'>): readonly RouteClaim[] {
  return table.claims().filter((claim) => matchesPlace(claim, place));
}

/** Why a claim is not this request's; for people. */
export function mismatchOf(claim: RouteClaim, place: RequestPlace): string | undefined {
  if (!hostMatches(claim.hostname, place.host)) return `its host name ${claim.hostname} is not ${place.host}`;
  if (!pathMatches(claim.pathPrefix, place.path))
    return `its path prefix ${claim.pathPrefix} is not that of ${place.path}`;
  const missing = claim.headers.find(({ name, value }) => place.header(name) !== value);
  return missing && `it wants the header ${missing.name}: ${missing.value}`;
}
