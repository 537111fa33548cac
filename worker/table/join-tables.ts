import { fromHex } from '../../contract/encoding.ts';
import { compareSpecificity } from '../../contract/route-match.ts';
import type { ClusterTable, RouteClaim, ServedConsumer, ServedTable } from './served-table.ts';

/**
 * One table of several clusters' tables. Routes compete: the more specific goes first, and among equally specific ones
 * that of the cluster that is listed earlier. A single table is its own join, so that one cluster pays nothing.
 *
 * @param tables in the order in which FAIRLEAD_CLUSTERS lists their clusters
 * @param unavailable clusters whose tables cannot be had at the moment
 */
export function joinTables(
  tables: readonly [ClusterTable, ...ClusterTable[]],
  unavailable: readonly string[],
): ServedTable {
  return tables.length === 1 && unavailable.length === 0 ? tables[0] : new JoinedTable(tables, unavailable);
}

class JoinedTable implements ServedTable {
  readonly revision: string;
  readonly clusters: readonly ClusterTable[];
  readonly unavailable: readonly string[];
  readonly #byModel = new Map<string, readonly RouteClaim[]>();
  #all: readonly RouteClaim[] | undefined;

  constructor(tables: readonly ClusterTable[], unavailable: readonly string[]) {
    this.clusters = tables;
    this.unavailable = unavailable;
    this.revision = tables.map(({ revision }) => revision).join(', ');
  }

  of(cluster: string): ClusterTable {
    const table = this.clusters.find((one) => one.cluster === cluster);
    if (!table) throw new Error(`no table of the cluster ${cluster} is served`);
    return table;
  }

  claimsOn(model: string): readonly RouteClaim[] {
    const known = this.#byModel.get(model);
    if (known) return known;
    const claims = joined(this.clusters.map((table) => table.claimsOn(model)));
    // Only names that exist are remembered: callers choose what they ask for.
    if (claims.length > 0) this.#byModel.set(model, claims);
    return claims;
  }

  claims(): readonly RouteClaim[] {
    this.#all ??= joined(this.clusters.map((table) => table.claims()));
    return this.#all;
  }

  hasKey(digest: Uint8Array): boolean {
    return this.clusters.some((table) => table.hasKey(digest));
  }

  consumer(digest: string): ServedConsumer | undefined | Promise<ServedConsumer | undefined> {
    const bytes = fromHex(digest);
    return firstOf(
      this.clusters.filter((table) => table.hasKey(bytes)),
      digest,
    );
  }
}

/** Each list is in order already: what is equally specific stays in the order of the lists. */
function joined(lists: readonly (readonly RouteClaim[])[]): readonly RouteClaim[] {
  const [only, ...others] = lists.filter((list) => list.length > 0);
  if (others.length === 0) return only ?? [];
  return lists.flat().toSorted(compareSpecificity);
}

function firstOf(
  [table, ...rest]: readonly ClusterTable[],
  digest: string,
): ServedConsumer | undefined | Promise<ServedConsumer | undefined> {
  if (!table) return undefined;
  const found = table.consumer(digest);
  if (found instanceof Promise) return found.then((consumer) => consumer ?? firstOf(rest, digest));
  return found ?? firstOf(rest, digest);
}
