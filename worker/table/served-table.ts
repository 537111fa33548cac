import type { RouteMatch } from '../../contract/route-match.ts';
import type {
  ConsumerEntry,
  Generation,
  ModelEntry,
  ProviderEntry,
  RouteEntry,
  SecretEntry,
} from '../../contract/routing-table.ts';

/** A route under one of its host names, in the table of its cluster. */
export interface RouteClaim extends RouteMatch {
  readonly cluster: string;
  readonly route: RouteEntry;
}

/** A consumer, who reaches the routes of one cluster only. */
export interface ServedConsumer extends ConsumerEntry {
  readonly cluster: string;
}

/**
 * What requests are decided by: verified tables in the memory of an isolate, one of each cluster. Everything answers at
 * once from memory, but for the details of a consumer that this isolate has not met before.
 */
export interface ServedTable {
  /** What is served, for people: a revision, or one of each cluster with a comma in between. */
  readonly revision: string;
  /** Those that are served, in the order in which FAIRLEAD_CLUSTERS lists them. */
  readonly clusters: readonly ClusterTable[];
  /** Clusters whose tables cannot be had at the moment: what is found nowhere may be theirs. */
  readonly unavailable: readonly string[];
  /** The table of a cluster that has a claim or a consumer here. */
  of(cluster: string): ClusterTable;
  /** Claims on a model name, in order of precedence. */
  claimsOn(model: string): readonly RouteClaim[];
  /** All claims, in order of precedence. */
  claims(): readonly RouteClaim[];
  /** Whether a key with this SHA-256 is known; no network. */
  hasKey(digest: Uint8Array): boolean;
  /** The consumer that owns a key; a promise only on first sight of its bucket. @param digest SHA-256, hexadecimal */
  consumer(digest: string): ServedConsumer | undefined | Promise<ServedConsumer | undefined>;
}

/** The table of one cluster: what is served where there is no other. */
export interface ClusterTable extends ServedTable {
  readonly cluster: string;
  readonly generation: Generation;
  model(id: string): ModelEntry | undefined;
  provider(id: string): ProviderEntry | undefined;
  secret(id: string): SecretEntry | undefined;
}
