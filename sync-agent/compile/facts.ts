import type { RouteMatch } from '../../contract/route-match.ts';
import type { ObjectMeta } from '../../crds/object-meta.ts';
import type { ConsumerEntry, ProviderEntry } from '../../contract/routing-table.ts';
import { resourceId, type Kind, type ResourceId, type ResourceKey, type ResourceOf } from '../snapshot.ts';
import type { Allowance, ClaimRights, ReachRights } from './allowance.ts';
import type { ClusterAccess } from './cluster-access.ts';
import type { EntryRef, Problem, PublishTarget, SecretToSeal } from './compilation.ts';
import type { Discovery } from './discovery.ts';
import { Channel } from './engine.ts';
import type { UsableModel } from './model.ts';
import type { RenderedEntry } from './section.ts';
import { declareServiceFacts } from './service-facts.ts';

/** When a resource came, for all cases where the older one wins. */
export interface Seniority {
  readonly id: ResourceId;
  /** RFC 3339. */
  readonly created: string;
}

/** What secrets are bound and named with. */
export interface Sealing {
  readonly edge: string;
  readonly cluster: string;
  readonly kid: string;
  /** Absent while the EdgeGateway's Secret lacks it; then nothing is published. */
  readonly secretIdKey: Buffer | undefined;
}

/** A provider that could ship, and the secrets that would have to. */
export interface UsableProvider {
  readonly entry: ProviderEntry;
  readonly created: string;
  readonly secrets: readonly SecretToSeal[];
}

/** One key of a consumer, with its entry. */
export interface KeyClaim extends Seniority {
  readonly digest: string;
  readonly entry: ConsumerEntry;
}

/** A route's claim on one model name under one host name. */
export interface NameClaim extends Seniority {
  readonly match: RouteMatch;
  readonly modelName: string;
}

/** An entry on its way into a section. */
export interface PlacedEntry extends RenderedEntry, Seniority {
  /** Those that it is compiled from. */
  readonly resources: readonly ResourceKey[];
  /** What must ship with it. */
  readonly secrets?: readonly SecretToSeal[];
}

export type PlacedKind = Exclude<EntryRef['section'], 'secrets'>;

/**
 * All that one compilation knows, by what it is about. The comment behind each says what its key is. The rules that
 * connect them stand, in order, in compile.ts.
 */
export function declareFacts() {
  return {
    /** What there is. Id. */
    resources: {
      EdgeGateway: new Channel<ResourceOf<'EdgeGateway'>>('EdgeGateway'),
      GatewayRoute: new Channel<ResourceOf<'GatewayRoute'>>('GatewayRoute'),
      AIModel: new Channel<ResourceOf<'AIModel'>>('AIModel'),
      LLMProvider: new Channel<ResourceOf<'LLMProvider'>>('LLMProvider'),
      Consumer: new Channel<ResourceOf<'Consumer'>>('Consumer'),
      Secret: new Channel<ResourceOf<'Secret'>>('Secret'),
      ReferenceGrant: new Channel<ResourceOf<'ReferenceGrant'>>('ReferenceGrant'),
      Namespace: new Channel<ResourceOf<'Namespace'>>('Namespace'),
      DeniedSecret: new Channel<ResourceOf<'DeniedSecret'>>('DeniedSecret'),
      InferenceService: new Channel<ResourceOf<'InferenceService'>>('InferenceService'),
      LLMInferenceService: new Channel<ResourceOf<'LLMInferenceService'>>('LLMInferenceService'),
      InferencePool: new Channel<ResourceOf<'InferencePool'>>('InferencePool'),
      EdgeSighting: new Channel<ResourceOf<'EdgeSighting'>>('EdgeSighting'),
    } satisfies { [K in Kind]: Channel<ResourceOf<K>> },

    /** EdgeGateways. Namespace, or '' for those of all namespaces. */
    gatewaysIn: new Channel<ResourceId>('gateways in a namespace'),
    /** EdgeGateways that publish to one place. Endpoint and cluster name. */
    publishers: new Channel<Seniority>('publishers to an edge'),
    /** Namespaces that hold resources, or ever held one: then nobody reads what is found out about them. Namespace. */
    namespaces: new Channel<true>('namespaces'),
    /** What the edge that is compiled allows. ''. */
    allowance: new Channel<Allowance>('allowance'),
    /** There as long as that edge is. ''. */
    presence: new Channel<true>('presence of the edge'),
    /** Whether the edge lets a namespace attach; absent without an edge, as the two below. Namespace. */
    admission: new Channel<boolean>('admission of a namespace'),
    /** Namespace. */
    claimRights: new Channel<ClaimRights>('claim rights of a namespace'),
    /** Namespace. */
    reachRights: new Channel<ReachRights>('reach rights of a namespace'),
    /** ''. */
    sealing: new Channel<Sealing>('sealing'),
    /** ''. */
    target: new Channel<PublishTarget>('target'),
    /** Names, or '*'. From kind and namespace, to kind and namespace. */
    grants: new Channel<string>('grants'),
    /** How the EdgeGateway says that services are reached. ''. */
    clusterAccess: new Channel<ClusterAccess>('access to the cluster'),
    /** Which services the EdgeGateway publishes. ''. */
    discovery: new Channel<Discovery>('discovery'),
    /** Where the things that mention a model or provider belong, shipping or not. Resource key of what is mentioned. */
    mentions: new Channel<'Here' | 'Elsewhere'>('mentions'),

    ...declareServiceFacts(),

    /** Id, or that of a service's entry. */
    usableProviders: new Channel<UsableProvider>('usable providers'),
    /** Id, or that of a service's entry. */
    usableModels: new Channel<UsableModel>('usable models'),
    /** Routes' claims on one model name under one match. */
    nameClaims: new Channel<NameClaim>('claims on a model name'),
    /** Consumers' claims on a key. The part of its digest that the key index holds. */
    keyClaims: new Channel<KeyClaim>('claims on a key'),
    /** Routes that ship and lead to a model. Id of its entry. */
    usedModels: new Channel<ResourceKey>('used models'),
    /** What ships and leads to a provider. Id of its entry. */
    usedProviders: new Channel<ResourceKey>('used providers'),

    /** Entries that want to ship. Leaf number. */
    placed: {
      routes: new Channel<PlacedEntry>('placed routes'),
      models: new Channel<PlacedEntry>('placed models'),
      providers: new Channel<PlacedEntry>('placed providers'),
      consumers: new Channel<PlacedEntry>('placed consumers'),
    } satisfies Record<PlacedKind, Channel<PlacedEntry>>,
    /** Entries that ship. Leaf number. */
    shippedLeaves: {
      routes: new Channel<RenderedEntry>('shipped routes'),
      models: new Channel<RenderedEntry>('shipped models'),
      providers: new Channel<RenderedEntry>('shipped providers'),
      consumers: new Channel<RenderedEntry>('shipped consumers'),
    } satisfies Record<PlacedKind, Channel<RenderedEntry>>,
    /** Id of the secret. */
    shippedSecrets: new Channel<SecretToSeal>('shipped secrets'),
    /** Resource key. */
    shippedEntries: new Channel<EntryRef>('shipped entries'),

    /** Resources of which this edge has something to say. Resource key. */
    concerned: new Channel<true>('concerned'),
    /** Resource key. */
    problems: new Channel<Problem>('problems'),
  };
}

export type Facts = ReturnType<typeof declareFacts>;

/** One text for all that have none. */
const NO_TIME = new Date(0).toISOString();

/** What has no time, as in a folder of files, counts as older than all that has one. */
export function seniorityOf({
  metadata,
}: {
  readonly metadata: Pick<ObjectMeta, 'namespace' | 'name' | 'creationTimestamp'>;
}): Seniority {
  const created = Date.parse(metadata.creationTimestamp ?? '') || 0;
  return { id: resourceId(metadata), created: created === 0 ? NO_TIME : new Date(created).toISOString() };
}

/** Negative where `a` is the older. */
export function compareSeniority(a: Seniority, b: Seniority): number {
  return compareText(a.created, b.created) || compareText(a.id, b.id);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
