import { unknownFeatures } from '../../contract/features.ts';
import type { ModelEntry } from '../../contract/routing-table.ts';
import type { ServedConsumer, ServedTable } from '../table/served-table.ts';
import { findModel } from './find-model.ts';
import { claimMatches, type RequestPlace } from './match-route.ts';
import { admits, mayUse } from './plan-request.ts';

export interface VisibleModel {
  /** The name to ask for: a model's own or an alias. */
  readonly name: string;
  readonly model: ModelEntry;
}

/**
 * The models that a caller may use at a place, by name. Exactly what planRequest would serve: a name belongs to the most
 * specific route that claims it, also where that route is closed to the caller. What this worker is too old for is left
 * out.
 */
export function visibleModels(
  table: ServedTable,
  place: RequestPlace,
  consumer: ServedConsumer | undefined,
): VisibleModel[] {
  const taken = new Set<string>();
  const visible: VisibleModel[] = [];
  for (const claim of table.claims()) {
    if (!claimMatches(claim, place)) continue;
    const { route } = claim;
    const isSupported = unknownFeatures(route).length === 0;
    const isOpen = route.authentication === 'Anonymous';
    for (const name of Object.keys(route.models)) {
      if (taken.has(name)) continue;
      taken.add(name);
      if (!isSupported || (!isOpen && !(consumer && admits(claim, consumer)))) continue;
      const found = findModel(table, claim, name, place);
      if (!found || unknownFeatures(found.own).length > 0) continue;
      if (isOpen || (consumer && mayUse(consumer, name, found.own)))
        visible.push({ name, model: found.parts[0].model });
    }
  }
  return visible.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}
