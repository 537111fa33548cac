import { generationName } from '../../contract/revision.ts';
import type { HubState } from '../../contract/publish-api.ts';
import { allowShrinkAnnotation } from '../../crds/edge-gateway.ts';
import { intentionOf, type Hold } from '../../sync-agent/guards/hold.ts';
import { lossesOf, serviceLosses, shrinkVerdict, tableDigest } from '../../sync-agent/guards/shrink.ts';
import { changesByVerb } from './change-counts.ts';
import type { ResourceKey } from '../../sync-agent/snapshot.ts';
import { isOfSecrets, type ResourceChange } from './entry-changes.ts';
import { signerOf } from './signer.ts';
import { servicesNamed } from './service-changes.ts';
import type { ResourceHashes } from './table-reader.ts';
import type { OperatedEdge } from './operated-edge.ts';
import type { OperatedResources } from './operated-resources.ts';
import { entryName, type TableDifference } from '../../sync-agent/table-difference.ts';
import { isReported, placeNoun } from '../places/place.ts';

/** What the hub holds for a cluster. */
export interface HeldRevision {
  readonly revision: string;
  /** `term.sequence` */
  readonly generation: string;
  /** RFC 3339. */
  readonly issuedAt: string;
  /** Id of the key that signed it, as it says of itself. */
  readonly kid: string;
  readonly rollbackOf?: string;
}

/** What resources say against what their edge holds. */
export interface EdgeDifference {
  readonly held: HeldRevision | null;
  /** From the edge to the resources: those that are reported. */
  readonly changes: readonly ResourceChange[];
  /** Whether no resource differs, reported or not. */
  readonly isWhole: boolean;
  /** Why the agent publishes even where no resource differs: sentences. */
  readonly resigned: readonly string[];
  /** What keeps the agent from publishing what differs. */
  readonly guards: readonly Hold[];
  /** What an agent that does not only warn would hold back. */
  readonly warnings: readonly string[];
  /** Names what is compiled, for the annotation fairlead.dev/allow-shrink. */
  readonly digest: string;
}

export async function edgeDifference(
  { id, gateway, kid, compilation, unknownSecrets, tables }: OperatedEdge,
  { current }: Pick<HubState, 'current'>,
  { place, dev }: Pick<OperatedResources, 'place' | 'dev'>,
): Promise<EdgeDifference> {
  const { sections, counts } = compilation;
  const all = await tables.entryChanges(current?.pointer.sections ?? null, compiledHashes(compilation));
  const changes = all.flatMap((change) => comparable(change, unknownSecrets));
  const held = current && heldRevision(current);
  const digest = tableDigest(sections);
  const named = servicesNamed(changes);
  const losses = lossesOf(changesByVerb(named), counts, serviceLosses(modelsIn(changes), sections.models));
  const allowShrink = gateway.metadata.annotations[allowShrinkAnnotation];
  const verdict = shrinkVerdict({ gateway: id, losses, digest, allowShrink, mode: dev ? 'Warn' : 'Hold' });
  const { suspend, pinnedRevision, deletionPolicy } = gateway.spec;
  const intention = intentionOf({ suspend, pinnedRevision, allowShrink, deletionPolicy }, id);
  return {
    held,
    changes: named.filter(({ resource }) => isReported(place, resource)),
    isWhole: changes.length === 0,
    resigned:
      held && held.kid !== kid ? [`it is signed by the key ${held.kid}, and the ${placeNoun(place)}'s is ${kid}`] : [],
    guards: [
      ...(intention.type === 'GoForward' ? [] : [intention.hold]),
      ...(verdict.type === 'Wait' ? [verdict.hold] : []),
    ],
    warnings:
      verdict.type === 'PublishWarning' ? [`${verdict.sentence}: \`fairlead dev\` publishes it all the same`] : [],
    digest,
  };
}

/** Entries of models, as the agent compares them. */
function modelsIn(changes: readonly ResourceChange[]): TableDifference {
  const section = 'models';
  return new Map(
    changes.flatMap(({ resource, how }) => {
      const [, id] = /^AIModel\/(.+)$/.exec(resource) ?? [];
      return id === undefined ? [] : [[entryName(section, id), { section, id, how }] as const];
    }),
  );
}

/** A change without that of secrets which are not known here; none where nothing else changed. */
function comparable(change: ResourceChange, unknownSecrets: ReadonlySet<ResourceKey>): ResourceChange[] {
  if (change.how !== 'changed' || !unknownSecrets.has(change.resource)) return [change];
  const fields = change.fields.filter((field) => !isOfSecrets(field));
  return fields.length === 0 ? [] : [{ ...change, fields }];
}

export function heldRevision({ revision, jws, pointer }: NonNullable<HubState['current']>): HeldRevision {
  const { generation, issuedAt, rollbackOf } = pointer;
  return {
    revision,
    generation: generationName(generation),
    issuedAt,
    kid: signerOf(jws),
    ...(rollbackOf !== undefined && { rollbackOf }),
  };
}

/** The buckets that resources compile to, by their names. */
export function compiledHashes({ sections }: OperatedEdge['compilation']): ResourceHashes {
  return {
    routes: sections.routes.map(({ sha256 }) => sha256),
    models: sections.models.map(({ sha256 }) => sha256),
    providers: sections.providers.map(({ sha256 }) => sha256),
    consumers: sections.consumers.map(({ sha256 }) => sha256),
  };
}
