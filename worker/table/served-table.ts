import type { RouteMatch } from '../../contract/route-match.ts';
import type {
  ConsumerEntry,
  Generation,
  ModelEntry,
  ProviderEntry,
  RouteEntry,
  SecretEntry,
} from '../../contract/routing-table.ts';

/** A route under one of its host names. */
export interface RouteClaim extends RouteMatch {
  readonly route: RouteEntry;
}

/**
 * One verified table in the memory of an isolate. Everything answers at once from memory, but for the details of a
 * consumer that this isolate has not met before.
 */
export interface ServedTable {
  readonly revision: string;
  readonly generation: Generation;
  /** Claims on a model name, most specific first (contract/route-match.ts). */
  claimsOn(model: string): readonly RouteClaim[];
  /** All claims, most specific first. */
  claims(): readonly RouteClaim[];
  model(id: string): ModelEntry | undefined;
  provider(id: string): ProviderEntry | undefined;
  secret(id: string): SecretEntry | undefined;
  /** Whether a key with this SHA-256 is known; no network. */
  hasKey(digest: Uint8Array): boolean;
  /** The consumer that owns a key; a promise only on first sight of its bucket. @param digest SHA-256, hexadecimal */
  consumer(digest: string): ConsumerEntry | undefined | Promise<ConsumerEntry | undefined>;
}
