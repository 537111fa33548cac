import type { ConsumerEntry, ModelEntry } from '../../contract/routing-table.ts';
import type { ServedTable } from '../table/served-table.ts';
import { claimMatches, type RequestPlace } from './match-route.ts';
import { admits, mayUse } from './plan-request.ts';

export interface VisibleModel {
  /** The name to ask for: a model's own or an alias. */
  readonly name: string;
  readonly model: ModelEntry;
}

/**
 * The models that a caller may use at a place, by name. Exactly what planRequest would serve: a name belongs to the most
 * specific route that claims it, also where that route is closed to the caller.
 */
export function visibleModels(
  table: ServedTable,
  place: RequestPlace,
  consumer: ConsumerEntry | undefined,
): VisibleModel[] {
  const taken = new Set<string>();
  const visible: VisibleModel[] = [];
  for (const claim of table.claims()) {
    if (!claimMatches(claim, place)) continue;
    const { route } = claim;
    for (const [name, id] of Object.entries(route.models)) {
      if (taken.has(name)) continue;
      taken.add(name);
      const model = table.model(id);
      if (!model) continue;
      const isOpen = route.authentication === 'Anonymous';
      if (isOpen || (consumer && admits(route, consumer) && mayUse(consumer, name, model)))
        visible.push({ name, model });
    }
  }
  return visible.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}
