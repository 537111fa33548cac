import type { HubState } from '../../contract/publish-api.ts';
import { matchesOf, matchKey } from '../../contract/route-match.ts';
import type { BucketFacts } from './bucket-facts.ts';

type RouteClaims = BucketFacts['routes'];
type Conflict = HubState['conflicts'][number];

export interface ClusterRoutes {
  readonly cluster: string;
  readonly routes: RouteClaims;
}

/**
 * Routes that meet exactly the same requests, for the same model name, as a route of a cluster that goes before theirs.
 * Each pair of routes is named once.
 *
 * @param earlier the clusters that go before, in their order
 */
export function routeConflicts(routes: RouteClaims, earlier: readonly ClusterRoutes[]): Conflict[] {
  const holders = new Map<string, Conflict['with']>();
  for (const { cluster, routes: claimed } of earlier)
    for (const route of claimed)
      for (const key of claimKeys(route)) if (!holders.has(key)) holders.set(key, { cluster, route: route.id });
  if (holders.size === 0) return [];
  const conflicts = new Map<string, Conflict>();
  for (const route of routes)
    for (const key of claimKeys(route)) {
      const holder = holders.get(key);
      if (!holder) continue;
      conflicts.set(JSON.stringify([route.id, holder]), { route: route.id, with: holder });
    }
  return [...conflicts.values()];
}

function claimKeys(route: RouteClaims[number]): string[] {
  return matchesOf(route.id, { ...route, created: '' })
    .map(matchKey)
    .flatMap((match) => route.models.map((model) => JSON.stringify([match, model])));
}
