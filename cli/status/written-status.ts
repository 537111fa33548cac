import { z } from 'zod';
import type { Condition } from '../../sync-agent/compile/compilation.ts';
import {
  resourceId,
  resourceKey,
  type Resource,
  type ResourceId,
  type ResourceKey,
} from '../../sync-agent/snapshot.ts';
import type { StoredObject } from '../../sync-agent/source/source.ts';
import { isReported, type Place } from '../places/place.ts';

/** What the API server's status of a resource says of one edge. */
interface WrittenStatus {
  readonly conditions: readonly WrittenCondition[];
}

export type WrittenCondition = z.infer<typeof condition>;

/** A resource of which the status in the API server is not what the edge says. */
export interface StaleStatus {
  readonly resource: ResourceKey;
  /** What is wrong with it, as the end of a sentence that begins with "its status". */
  readonly sentence: string;
}

const condition = z.object({
  type: z.string(),
  status: z.enum(['True', 'False', 'Unknown']),
  reason: z.string(),
  message: z.string(),
  observedGeneration: z.number().optional(),
  lastTransitionTime: z.string(),
});

const status = z.object({
  conditions: z.array(condition).default([]),
  parents: z
    .array(
      z.object({
        parentRef: z.object({ namespace: z.string().default(''), name: z.string() }),
        conditions: z.array(condition).default([]),
      }),
    )
    .optional(),
});

/** @param edge absent: over all edges */
function writtenStatus(
  resource: ResourceKey,
  stored: StoredObject | undefined,
  edge?: ResourceId,
): WrittenStatus | undefined {
  const parsed = status.safeParse(stored?.status).data;
  if (!parsed) return undefined;
  const { conditions, parents } = parsed;
  if (edge === undefined || resource === `EdgeGateway/${edge}`)
    return conditions.length === 0 ? undefined : { conditions };
  const own = resource.split('/')[1] ?? '';
  return parents?.find(
    ({ parentRef: { namespace, name } }) => resourceId({ namespace: namespace || own, name }) === edge,
  );
}

/** What agents have written of all resources that are reported. */
export interface WrittenStatuses {
  /** How many are Programmed, by what was written last. */
  readonly programmed: number;
  readonly all: number;
  /** The others, with the conditions that are not True; none where nothing was written. Sorted. */
  readonly others: readonly { readonly resource: ResourceKey; readonly because: readonly WrittenCondition[] }[];
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
      const status = writtenStatus(resource, object, edge);
      // Without a word about an edge nobody knows whether it is attached there.
      return object && (status || edge === undefined) ? [{ resource, conditions: status?.conditions ?? [] }] : [];
    });
  const isProgrammed = ({ conditions }: WrittenStatus) =>
    conditions.some(({ type, status }) => type === 'Programmed' && status === 'True');
  const others = found.filter((status) => !isProgrammed(status));
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
      const sentence = object && staleness(writtenStatus(resource, object, edge), object, said);
      return sentence === undefined ? [] : [{ resource, sentence }];
    });
}

function staleness(
  written: WrittenStatus | undefined,
  { generation }: StoredObject,
  said: Condition,
): string | undefined {
  const found = written?.conditions.find(({ type }) => type === 'Programmed');
  if (!found) return 'says nothing of this edge: no agent has written any';
  const { observedGeneration = generation, lastTransitionTime } = found;
  const says = `says Programmed=${found.status} ${found.reason} since ${lastTransitionTime}`;
  if (observedGeneration < generation)
    return `${says}, of generation ${observedGeneration}: the resource is at ${generation}`;
  // Pending passes into the next within moments.
  if ((found.status === 'True') === (said.status === 'True')) return undefined;
  return `${says}, and the edge says Programmed=${said.status} ${said.reason}`;
}
