import type { Condition } from '../../sync-agent/compile/compilation.ts';
import { resourceKey, type Resource, type ResourceId, type ResourceKey } from '../../sync-agent/snapshot.ts';
import type { StoredObject } from '../../sync-agent/source/source.ts';
import { ownParent, readStoredStatus, type StatusCondition } from '../../sync-agent/status/kubernetes/stored-status.ts';
import { isReported, type Place } from '../places/place.ts';

/** A resource of which the status in the API server is not what the edge says. */
export interface StaleStatus {
  readonly resource: ResourceKey;
  /** What is wrong with it, as the end of a sentence that begins with "its status". */
  readonly sentence: string;
}

/** What agents have written of a resource, undefined where none has. @param edge absent: over all edges */
function writtenConditions(
  resource: ResourceKey,
  object: StoredObject,
  edge?: ResourceId,
): readonly StatusCondition[] | undefined {
  const stored = readStoredStatus(object.status);
  if (edge !== undefined && resource !== `EdgeGateway/${edge}`) return ownParent(stored, edge)?.conditions;
  return stored.conditions.length === 0 ? undefined : stored.conditions;
}

/** What agents have written of all resources that are reported. */
export interface WrittenStatuses {
  /** How many are Programmed, by what was written last. */
  readonly programmed: number;
  readonly all: number;
  /** The others, with the conditions that are not True; none where nothing was written. Sorted. */
  readonly others: readonly { readonly resource: ResourceKey; readonly because: readonly StatusCondition[] }[];
}

/** @param edge absent: over all edges. Else only what is attached to it counts */
export function writtenByAgent(
  place: Place,
  resources: readonly Resource[],
  stored: (key: ResourceKey) => StoredObject | undefined,
  edge?: ResourceId,
): WrittenStatuses {
  const found = resources
    .map((resource) => resourceKey(resource))
    .filter((key) => isReported(place, key))
    .toSorted()
    .flatMap((resource) => {
      const object = stored(resource);
      const conditions = object && writtenConditions(resource, object, edge);
      // Without a word about an edge nobody knows whether it is attached there.
      return object && (conditions || edge === undefined) ? [{ resource, conditions: conditions ?? [] }] : [];
    });
  const others = found.filter(
    ({ conditions }) => !conditions.some(({ type, status }) => type === 'Programmed' && status === 'True'),
  );
  return {
    programmed: found.length - others.length,
    all: found.length,
    others: others.map(({ resource, conditions }) => ({
      resource,
      because: conditions.filter(({ status }) => status !== 'True'),
    })),
  };
}

/** Where the status in the API server differs from what the edge says: nobody has written since, or not yet. Sorted. */
export function staleStatuses(
  edge: ResourceId,
  programmed: ReadonlyMap<ResourceKey, Condition>,
  stored: (key: ResourceKey) => StoredObject | undefined,
): StaleStatus[] {
  return [...programmed]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([resource, said]) => {
      const object = stored(resource);
      const sentence = object && staleness(writtenConditions(resource, object, edge), object, said);
      return sentence === undefined ? [] : [{ resource, sentence }];
    });
}

function staleness(
  written: readonly StatusCondition[] | undefined,
  { generation }: StoredObject,
  said: Condition,
): string | undefined {
  const found = written?.find(({ type }) => type === 'Programmed');
  if (!found) return 'says nothing of this edge: no agent has written any';
  const { observedGeneration = generation, lastTransitionTime } = found;
  const says = `says Programmed=${found.status} ${found.reason} since ${lastTransitionTime}`;
  if (observedGeneration < generation)
    return `${says}, of generation ${observedGeneration}: the resource is at ${generation}`;
  // Pending passes into the next within moments.
  if ((found.status === 'True') === (said.status === 'True')) return undefined;
  return `${says}, and the edge says Programmed=${said.status} ${said.reason}`;
}
