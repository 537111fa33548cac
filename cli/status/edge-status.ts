import { PUBLISH_PATHS, servedRevisions, type HubState, type ServedRevision } from '../../contract/publish-api.ts';
import { generationName } from '../../contract/revision.ts';
import type { Compilation, Condition, EntryRef } from '../../sync-agent/compile/compilation.ts';
import type { Hold } from '../../sync-agent/guards/hold.ts';
import { PublishFailure } from '../../sync-agent/publish/publish-failure.ts';
import type { ResourceKey } from '../../sync-agent/snapshot.ts';
import { programmedConditions, type EdgeWord } from '../../sync-agent/status/programmed.ts';
import { entryName } from '../../sync-agent/table-difference.ts';
import type { ResourceChange } from '../edges/entry-changes.ts';
import { compiledHashes, edgeDifference, type EdgeDifference, type HeldRevision } from '../edges/edge-difference.ts';
import { NEVER, type OperatedEdge } from '../edges/operated-edge.ts';
import type { OperatedResources } from '../edges/operated-resources.ts';
import { faultsOf } from '../faults.ts';
import { isReported, type Place } from '../places/place.ts';
import { staleStatuses, type StaleStatus } from './written-status.ts';

/** What an edge says of itself, against what the resources say. */
export interface AskedEdge {
  readonly held: HeldRevision | null;
  /** The highest term that was ever granted. */
  readonly term: number;
  /** The highest generation that the hub knows of, `term.sequence`. */
  readonly floor: string | null;
  readonly serving: HubState['serving'];
  readonly refused: HubState['refused'];
  readonly conflicts: HubState['conflicts'];
  /** What one isolate answered that was asked now. */
  readonly probe: ServedRevision;
  /** From what the edge holds to what the resources say. */
  readonly changes: readonly ResourceChange[];
  readonly guards: readonly Hold[];
  readonly warnings: readonly string[];
  /** Of every resource that concerns the edge and is reported. */
  readonly programmed: ReadonlyMap<ResourceKey, Condition>;
  /** Those that the edge does not serve as they are. */
  readonly missing: readonly Missing[];
  /** Those that it serves as they are, though something stands against them: one backend of several that is away. */
  readonly impaired: readonly Missing[];
  /** Those whose status in the API server says something else; none where the resources come from a folder. */
  readonly stale: readonly StaleStatus[];
}

/** A resource with which something is wrong. */
export interface Missing {
  readonly resource: ResourceKey;
  /** The conditions that say what. */
  readonly because: readonly Condition[];
}

/** An edge that could not be asked. */
export interface SilentEdge {
  /** Why, and what to do. */
  readonly failure: string;
  /** What an isolate says to anyone; null where none answers, or does not know the cluster. */
  readonly unsigned: ServedRevision | null;
}

/** @throws {CliError} where a blob is not what its name says */
export async function askEdge(edge: OperatedEdge, operated: OperatedResources): Promise<AskedEdge | SilentEdge> {
  try {
    // Before the state, so that the isolate which answers is among those that were heard of.
    const probe = await edge.client.probe(NEVER);
    const state = await edge.client.state(NEVER);
    const difference = await edgeDifference(edge, state, operated);
    const all = await programmedBy(edge, { probe, state }, difference, operated.place);
    const programmed = new Map(
      [...all].filter(([key]) => isReported(operated.place, key) && !operated.unknownConsumers.has(key)),
    );
    return {
      held: difference.held,
      term: state.term,
      floor: state.floor && generationName(state.floor),
      serving: state.serving,
      refused: state.refused,
      conflicts: state.conflicts,
      probe,
      changes: difference.changes,
      guards: difference.guards,
      warnings: difference.warnings,
      programmed,
      missing: missingOf(edge.compilation, programmed),
      impaired: impairedOf(edge.compilation, programmed),
      stale: operated.cluster ? staleStatuses(edge.id, programmed, operated.cluster.stored) : [],
    };
  } catch (error) {
    if (!(error instanceof PublishFailure)) throw error;
    return { failure: error.message, unsigned: await askUnsigned(edge.gateway) };
  }
}

/** The condition Programmed as the agent derives it, from the same words of the edge. */
async function programmedBy(
  edge: OperatedEdge,
  word: EdgeWord,
  { isWhole, guards, held }: EdgeDifference,
  place: Place,
): Promise<Map<ResourceKey, Condition>> {
  const differing = await differingByRevision(edge, word);
  const holds = (revision: string, entries: readonly EntryRef[]) => {
    const names = differing.get(revision);
    return names !== undefined && entries.every(({ section, id }) => !names.has(entryName(section, id)));
  };
  const conditions = programmedConditions({
    edge: edge.id,
    compilation: edge.compilation,
    history: { holds },
    revision: held?.revision,
    isWhole,
    hold: guards[0],
    word,
    failure: undefined,
  });
  const gateway = `EdgeGateway/${edge.id}`;
  for (const [key, condition] of conditions) {
    const entries = edge.compilation.entries.get(key) ?? [];
    const isHeld = (revision: string) => (key === gateway ? isWhole : entries.length === 0 || holds(revision, entries));
    if (condition.reason === 'Pending' && !(held && isHeld(held.revision)))
      conditions.set(key, { type: 'Programmed', status: 'False', reason: 'Pending', message: unpublished(place) });
  }
  return conditions;
}

function unpublished(place: Place): string {
  switch (place.type) {
    case 'Folder':
    case 'Overlay':
      return 'What the folder says of it has not been published: does an agent watch the folder?';
    case 'Cluster':
      return 'What the cluster says of it has not been published: does an agent lead?';
  }
}

/** What each revision that the edge holds or serves has otherwise than the resources; one that is not kept is not known. */
async function differingByRevision(
  { client, compilation, unknownSecrets, tables }: OperatedEdge,
  { probe, state }: EdgeWord,
): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const { current, serving } = state;
  const wanted = new Set([current?.revision, probe.revision, ...serving.map(({ revision }) => revision)]);
  const others = [...wanted].some((revision) => revision && revision !== current?.revision);
  const kept = others ? (await client.history(NEVER)).revisions : [];
  const found = new Map<string, ReadonlySet<string>>();
  const after = compiledHashes(compilation);
  for (const { revision, pointer } of [...(current ? [current] : []), ...kept])
    if (wanted.has(revision) && !found.has(revision))
      found.set(revision, await tables.differingEntries(pointer.sections, after, unknownSecrets));
  return found;
}

/** Anyone may ask an isolate what it serves: where our key is refused, or the hub is away, that is what remains. */
export async function askUnsigned({ spec }: OperatedEdge['gateway']): Promise<ServedRevision | null> {
  const { endpoint, clusterName } = spec;
  try {
    const response = await fetch(new URL(PUBLISH_PATHS.revision, endpoint), { signal: AbortSignal.timeout(5000) });
    const { clusters } = servedRevisions.parse(await response.json());
    return clusters.find(({ cluster }) => cluster === clusterName) ?? null;
  } catch {
    return null;
  }
}

/** Whether there is nothing that a person should look at. */
export function isAllRight(edge: AskedEdge): boolean {
  const { held, serving, refused, changes, guards, probe, missing, impaired, stale } = edge;
  return (
    held !== null &&
    serving.every(({ revision }) => revision === held.revision) &&
    probe.confirmed &&
    refused.length === 0 &&
    changes.length === 0 &&
    guards.length === 0 &&
    missing.length === 0 &&
    impaired.length === 0 &&
    stale.length === 0
  );
}

/** What the edge does not serve as it stands, and why. Sorted by resource. */
export function missingOf(
  { conditions }: Pick<Compilation, 'conditions'>,
  programmed: ReadonlyMap<ResourceKey, Condition>,
): Missing[] {
  const faults = Map.groupBy(faultsOf({ conditions }), ({ resource }) => resource);
  return [...programmed]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([resource, condition]) => {
      const why = faults.get(resource)?.map((fault) => fault.condition) ?? [];
      // What nothing refers to is left out on purpose.
      if (condition.status === 'True' || (condition.reason === 'NotShipped' && why.length === 0)) return [];
      return [{ resource, because: condition.reason === 'NotShipped' ? why : [condition, ...why] }];
    });
}

/** What the edge serves as it stands, and what stands against it. Sorted by resource. */
export function impairedOf(
  compilation: Pick<Compilation, 'conditions'>,
  programmed: ReadonlyMap<ResourceKey, Condition>,
): Missing[] {
  const faults = Map.groupBy(faultsOf(compilation), ({ resource }) => resource);
  return [...faults]
    .filter(([resource]) => programmed.get(resource)?.status === 'True')
    .map(([resource, all]) => ({ resource, because: all.map(({ condition }) => condition) }));
}
