import { bucketIndex } from '../../contract/buckets.ts';
import type { ClusterTrust } from '../../contract/cluster-trust.ts';
import type { Refusal, RefusalRule } from '../../contract/publish-api.ts';
import { compareGenerations, generationName, sameGeneration } from '../../contract/revision.ts';
import { hostMatches, nameMatches } from '../../contract/route-match.ts';
import { SECTION_KINDS, type BucketedKind, type Generation, type Pointer } from '../../contract/routing-table.ts';
import { KNOWN_SCHEMA_VERSIONS } from '../../contract/schema-version.ts';
import { claimedHostnames, claimedModels, type BucketFacts } from './bucket-facts.ts';

/**
 * Whether the hub admits a pointer whose signature it has verified. Deciding only: everything comes as data.
 *
 * The rules are asked in this order, the cheap and the telling ones first:
 * signature, schema-version (both at verification), edge, cluster, cluster-uid, generation, replaces,
 * missing-blob, then for each bucket blob-schema, and authority.
 */
export interface HubView {
  readonly edge: string;
  readonly trust: ClusterTrust;
  /** UID that the cluster's first pointer pinned; null before that. */
  readonly pinnedUid: string | null;
  /** Highest term ever granted to the cluster; 0: none. */
  readonly grantedTerm: number;
  /** Highest generation that anybody is known to have had; at least that of `current`. */
  readonly floor: Generation | null;
  readonly current: { readonly generation: Generation } | null;
}

export interface Fault {
  readonly rule: RefusalRule;
  readonly message: string;
}

export function refusalOf(fault: Fault, view: Pick<HubView, 'current'>): Refusal {
  return { ...fault, current: view.current?.generation ?? null };
}

/** What speaks against the pointer itself, whatever it points to. */
export function pointerFault(pointer: Pointer, view: HubView): Fault | undefined {
  const { edge, trust, current } = view;
  if (!KNOWN_SCHEMA_VERSIONS.includes(pointer.schemaVersion)) return unknownSchema(pointer.schemaVersion);
  if (pointer.edge !== edge)
    return {
      rule: 'edge',
      message: `The table is made for ${pointer.edge}, and this edge is ${edge}: compare EdgeGateway.spec.endpoint with the worker's FAIRLEAD_ENDPOINT.`,
    };
  if (pointer.cluster !== trust.name)
    return {
      rule: 'cluster',
      message: `The table is of the cluster ${pointer.cluster}, and was pushed as ${trust.name}: compare EdgeGateway.spec.clusterName with FAIRLEAD_CLUSTERS.`,
    };
  return uidFault(pointer.clusterUid, view) ?? generationFault(pointer, view) ?? replacesFault(pointer, current);
}

export function unknownSchema(schemaVersion: number): Fault {
  const newer = schemaVersion > Math.max(...KNOWN_SCHEMA_VERSIONS);
  const advice = newer
    ? "deploy the agent's release of the worker first"
    : "run the worker's release of the agent, or the worker of the release between the two";
  return {
    rule: 'schema-version',
    message: `The table has schema version ${schemaVersion}, and this edge reads ${KNOWN_SCHEMA_VERSIONS.join(', ')}: ${advice}.`,
  };
}

/** A name does not make a cluster: its UID must be the one that the configuration names, or else that was pinned. */
export function uidFault(
  clusterUid: string,
  { pinnedUid, trust }: Pick<HubView, 'pinnedUid' | 'trust'>,
): Fault | undefined {
  const expected = trust.uid ?? pinnedUid;
  if (expected === null || expected === clusterUid) return undefined;
  return {
    rule: 'cluster-uid',
    message: `Another cluster publishes as ${trust.name} (its UID is ${expected}, yours ${clusterUid}): give this one a name of its own, or, where it replaces that one, set "uid": "${clusterUid}" for it in FAIRLEAD_CLUSTERS.`,
  };
}

function generationFault({ generation }: Pointer, { grantedTerm, current, floor }: HubView): Fault | undefined {
  if (generation.term < grantedTerm)
    return {
      rule: 'generation',
      message: `Term ${generation.term} has ended, term ${grantedTerm} was granted since: another agent leads, or claim a new term.`,
    };
  if (generation.term > grantedTerm)
    return {
      rule: 'generation',
      message: `Term ${generation.term} was not granted by this hub: claim a term first.`,
    };
  if (current && compareGenerations(generation, current.generation) <= 0)
    return {
      rule: 'generation',
      message: `Generation ${generationName(generation)} is not newer than ${generationName(current.generation)}, which this edge serves.`,
    };
  if (floor?.term === generation.term && floor.sequence === Number.MAX_SAFE_INTEGER)
    return { rule: 'generation', message: `Term ${generation.term} is spent: claim a new term.` };
  if (floor && compareGenerations(generation, floor) <= 0)
    return {
      rule: 'generation',
      message: `Generation ${generationName(generation)} is not newer than ${generationName(floor)}, which this edge has served: claim a new term.`,
    };
  return undefined;
}

function replacesFault({ replaces }: Pointer, current: HubView['current']): Fault | undefined {
  if (sameGeneration(replaces, current?.generation ?? null)) return undefined;
  const held = current ? `generation ${generationName(current.generation)}` : 'no table of this cluster yet';
  const named = replaces ? `generation ${generationName(replaces)}` : 'no other';
  return {
    rule: 'replaces',
    message: `The push replaces ${named}, and this edge holds ${held}: read the state and publish again.`,
  };
}

/** A bucket that a pointer names, in its place. */
export interface NamedBucket {
  readonly kind: BucketedKind;
  readonly index: number;
  /** Number of buckets of the section. */
  readonly count: number;
  readonly sha256: string;
}

export function namedBuckets({ sections }: Pick<Pointer, 'sections'>): NamedBucket[] {
  return SECTION_KINDS.flatMap((kind) =>
    sections[kind].map((sha256, index) => ({ kind, index, count: sections[kind].length, sha256 })),
  );
}

export function missingFault(missing: readonly string[]): Fault {
  return {
    rule: 'missing-blob',
    message: `${missing.length} of the table's blobs have not arrived, the first is ${missing[0]}: put them, then the pointer.`,
  };
}

export function schemaFault({ kind, index }: NamedBucket, fault: string): Fault {
  return { rule: 'blob-schema', message: `Bucket ${index} of ${kind} is not what this edge reads: ${fault}` };
}

/** Whether a bucket holds what belongs there, and nothing that the cluster may not serve. */
export function bucketFault(bucket: NamedBucket, facts: BucketFacts, trust: ClusterTrust): Fault | undefined {
  const misplaced = facts.range?.some((address) => bucketIndex(address, bucket.count) !== bucket.index) ?? false;
  if (misplaced) return schemaFault(bucket, 'it holds entries that belong into other buckets.');
  const hostname = claimedHostnames(facts).find((name) => !trust.hostnames.some((pattern) => covers(pattern, name)));
  if (hostname !== undefined)
    return {
      rule: 'authority',
      message: `The cluster ${trust.name} may not serve ${hostname === '*' ? 'every host name' : `the host name ${hostname}`}: its hostnames in FAIRLEAD_CLUSTERS are ${trust.hostnames.join(', ') || 'none'}.`,
    };
  const model = claimedModels(facts).find((name) => !trust.models.some((pattern) => nameMatches(pattern, name)));
  if (model !== undefined)
    return {
      rule: 'authority',
      message: `The cluster ${trust.name} may not serve the model ${model}: its models in FAIRLEAD_CLUSTERS are ${trust.models.join(', ') || 'none'}.`,
    };
  return undefined;
}

/** Whether every host that `hostname` (exact, `*.suffix` or `*`) means is meant by `pattern` too. */
function covers(pattern: string, hostname: string): boolean {
  if (pattern === '*' || pattern === hostname) return true;
  // `*.a.example.com` ends in `.example.com` as any host under it does.
  return pattern.startsWith('*.') && hostMatches(pattern, hostname);
}
