import type { HubState } from '../../contract/publish-api.ts';
import { admittedPointer, type HubStore } from './hub-store.ts';
import { routeConflicts, type ClusterRoutes } from './route-conflicts.ts';
import { storedFacts } from './stored-facts.ts';

type Conflicts = HubState['conflicts'];

/** Which routes of a cluster give way to those of clusters before it. Worked out once for what is current. */
export class ClusterConflicts {
  readonly #store: HubStore;
  readonly #known = new Map<string, { readonly of: string; readonly conflicts: Conflicts }>();

  constructor(store: HubStore) {
    this.#store = store;
  }

  /** @param clusters names of all clusters, in their order */
  of(cluster: string, clusters: readonly string[]): Conflicts {
    const held = clusters.slice(0, clusters.indexOf(cluster) + 1).map((name) => ({
      name,
      current: this.#store.current(name),
    }));
    const of = JSON.stringify(held.map(({ name, current }) => [name, current?.revision]));
    const known = this.#known.get(cluster);
    if (known?.of === of) return known.conflicts;
    const [own, ...earlier] = held
      .toReversed()
      .map(({ name, current }) => ({ cluster: name, routes: current ? this.#routes(current.jws) : [] }));
    const conflicts = own ? routeConflicts(own.routes, earlier.toReversed()) : [];
    this.#known.set(cluster, { of, conflicts });
    return conflicts;
  }

  #routes(jws: string): ClusterRoutes['routes'] {
    const hashes = admittedPointer(jws).sections.routes;
    const { blobs } = this.#store;
    const known = blobs.facts(hashes);
    return [...new Set(hashes)].flatMap((sha256) => {
      const inspection = storedFacts(blobs, 'routes', sha256, known);
      return inspection && 'facts' in inspection ? inspection.facts.routes : [];
    });
  }
}
