import { compareMatches, matchesOf } from '../../contract/route-match.ts';
import type { JsonBucket } from './section-bucket.ts';
import type { RouteClaim } from './served-table.ts';

type RouteBucket = JsonBucket<'routes'>;

interface BucketClaims {
  readonly all: readonly RouteClaim[];
  readonly byModel: ReadonlyMap<string, readonly RouteClaim[]>;
}

/**
 * What the routes of a bucket claim never changes: a revision that shares the bucket shares this too. Clusters share no
 * buckets.
 */
const claimsByBucket = new WeakMap<RouteBucket, BucketClaims>();

/** Finds the claims on a model name. Each name's claims are put in order when it is first asked for. */
export class RouteClaims {
  readonly #cluster: string;
  readonly #buckets: readonly RouteBucket[];
  readonly #byModel = new Map<string, readonly RouteClaim[]>();
  #all: readonly RouteClaim[] | undefined;

  constructor(cluster: string, buckets: readonly RouteBucket[]) {
    this.#cluster = cluster;
    this.#buckets = buckets;
  }

  on(model: string): readonly RouteClaim[] {
    const known = this.#byModel.get(model);
    if (known) return known;
    const claims = this.#buckets
      .flatMap((bucket) => claimsOf(bucket, this.#cluster).byModel.get(model) ?? [])
      .toSorted(compareMatches);
    // Only names that exist are remembered: callers choose what they ask for.
    if (claims.length > 0) this.#byModel.set(model, claims);
    return claims;
  }

  all(): readonly RouteClaim[] {
    this.#all ??= this.#buckets.flatMap((bucket) => claimsOf(bucket, this.#cluster).all).toSorted(compareMatches);
    return this.#all;
  }
}

/** Parses a bucket and works out what it claims, so that no request has to. @returns false where that was done before */
export function indexRoutes(bucket: RouteBucket, cluster: string): boolean {
  if (claimsByBucket.has(bucket)) return false;
  claimsOf(bucket, cluster);
  return true;
}

function claimsOf(bucket: RouteBucket, cluster: string): BucketClaims {
  const known = claimsByBucket.get(bucket);
  if (known) return known;
  const all = Object.entries(bucket.entries()).flatMap(([id, route]): RouteClaim[] =>
    matchesOf(id, route).map((match) => ({ ...match, cluster, route })),
  );
  const byModel = new Map<string, RouteClaim[]>();
  for (const claim of all)
    for (const model of Object.keys(claim.route.models)) {
      const claims = byModel.get(model);
      if (claims) claims.push(claim);
      else byModel.set(model, [claim]);
    }
  const claims = { all, byModel };
  claimsByBucket.set(bucket, claims);
  return claims;
}
