import { generationName } from '../../contract/revision.ts';
import type { HubState } from '../../contract/publish-api.ts';
import { allowShrinkAnnotation } from '../../crds/edge-gateway.ts';
import { intentionOf, type Hold } from '../../sync-agent/guards/hold.ts';
import { lossesOf, shrinkVerdict, tableDigest } from '../../sync-agent/guards/shrink.ts';
import { changesByVerb } from './change-counts.ts';
import type { ResourceChange } from './entry-changes.ts';
import { signerOf } from './signer.ts';
import type { ResourceHashes } from './table-reader.ts';
import type { OperatedEdge } from './operated-edge.ts';
import type { OperatedFolder } from './operated-folder.ts';

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

/** What a folder says against what its edge holds. */
export interface FolderDifference {
  readonly held: HeldRevision | null;
  /** From the edge to the folder. */
  readonly changes: readonly ResourceChange[];
  /** Why the agent publishes even where no resource differs: sentences. */
  readonly resigned: readonly string[];
  /** What keeps the agent from publishing what differs. */
  readonly guards: readonly Hold[];
  /** What an agent that does not only warn would hold back. */
  readonly warnings: readonly string[];
  /** Names what is compiled, for the annotation fairlead.dev/allow-shrink. */
  readonly digest: string;
}

export async function folderDifference(
  { id, gateway, kid, compilation, tables }: OperatedEdge,
  { current }: Pick<HubState, 'current'>,
  { notComparable, dev }: Pick<OperatedFolder, 'notComparable' | 'dev'>,
): Promise<FolderDifference> {
  const { sections, counts } = compilation;
  const all = await tables.changes(current?.pointer.sections ?? null, compiledHashes(compilation));
  const changes = all.filter(({ resource }) => !notComparable.has(resource));
  const held = current && heldRevision(current);
  const digest = tableDigest(sections);
  const losses = lossesOf(changesByVerb(changes), counts);
  const allowShrink = gateway.metadata.annotations[allowShrinkAnnotation];
  const verdict = shrinkVerdict({ gateway: id, losses, digest, allowShrink, mode: dev ? 'Warn' : 'Hold' });
  const { suspend, pinnedRevision, deletionPolicy } = gateway.spec;
  const intention = intentionOf({ suspend, pinnedRevision, allowShrink, deletionPolicy }, id);
  return {
    held,
    changes,
    resigned: held && held.kid !== kid ? [`it is signed by the key ${held.kid}, and the folder's is ${kid}`] : [],
    guards: [
      ...(intention.type === 'GoForward' ? [] : [intention.hold]),
      ...(verdict.type === 'Wait' ? [verdict.hold] : []),
    ],
    warnings:
      verdict.type === 'PublishWarning' ? [`${verdict.sentence}: \`fairlead dev\` publishes it all the same`] : [],
    digest,
  };
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

/** The buckets that a folder compiles to, by their names. */
export function compiledHashes({ sections }: OperatedEdge['compilation']): ResourceHashes {
  return {
    routes: sections.routes.map(({ sha256 }) => sha256),
    models: sections.models.map(({ sha256 }) => sha256),
    providers: sections.providers.map(({ sha256 }) => sha256),
    consumers: sections.consumers.map(({ sha256 }) => sha256),
  };
}
