import { unknownFeatures } from '../../contract/features.ts';
import type { ModelEntry } from '../../contract/routing-table.ts';
import type { ClusterTable, RouteClaim, ServedTable } from '../table/served-table.ts';
import { claimMatches, type RequestPlace } from './match-route.ts';

/** A model as the table of one cluster has it. */
export interface ModelPart {
  readonly table: ClusterTable;
  readonly model: ModelEntry;
}

export interface FoundModel {
  /** In the table of the route's cluster. */
  readonly id: string;
  readonly own: ModelEntry;
  /**
   * The backends of all parts serve. What else there is to know of the model the first one says: that of the cluster
   * which is listed earliest.
   */
  readonly parts: readonly [ModelPart, ...ModelPart[]];
}

/**
 * The model that a route leads to. Where another cluster would lead a request of the same place to a model of the same
 * name, the two unite. By place, because clusters have many tenants: a name alone would mix their providers.
 */
export function findModel(
  table: ServedTable,
  claim: RouteClaim,
  name: string,
  place: RequestPlace,
): FoundModel | undefined {
  const id = claim.route.models[name];
  const home = table.of(claim.cluster);
  const own = id === undefined ? undefined : home.model(id);
  if (id === undefined || !own) return undefined;
  const part = { table: home, model: own };
  return { id, own, parts: table.clusters.length === 1 ? [part] : united(table, part, place) };
}

function united(table: ServedTable, own: ModelPart, place: RequestPlace): [ModelPart, ...ModelPart[]] {
  const name = own.model.modelName;
  const claims = table.claimsOn(name);
  const parts = table.clusters.flatMap((cluster): readonly ModelPart[] => {
    if (cluster === own.table) return [own];
    const claim = claims.find((one) => one.cluster === cluster.cluster && claimMatches(one, place));
    const model = claim && ledTo(cluster, claim, name);
    return model ? [{ table: cluster, model }] : [];
  });
  const [first = own, ...others] = parts;
  return [first, ...others];
}

/** A route or a model that requires more than this worker knows adds nothing to another cluster's. */
function ledTo(table: ClusterTable, { route }: RouteClaim, name: string): ModelEntry | undefined {
  const id = route.models[name];
  const model = id === undefined || unknownFeatures(route).length > 0 ? undefined : table.model(id);
  return model?.modelName === name && unknownFeatures(model).length === 0 ? model : undefined;
}
