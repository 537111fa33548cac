import type { BucketedKind, ProviderEntry, SectionHashes } from '../../contract/routing-table.ts';
import type { ConditionType, conditionTypes } from '../../crds/conditions.ts';
import type { Accelerator, InferenceKind, InferenceState } from '../inference/inference-service.ts';
import type { SightingWanted } from '../inference/sighting.ts';
import type { ResourceId, ResourceKey } from '../snapshot.ts';

/** An immutable piece of the table, named by the SHA-256 of its bytes. */
export interface Blob {
  readonly sha256: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** A secret that the table names, in the clear: it is sealed on its way to the publisher and goes nowhere else. */
export interface SecretToSeal {
  /** HMAC of sealing key, binding and value: equal for equal secrets, and tells nothing about the value. */
  readonly id: string;
  readonly value: string;
  /** `namespace/name` of the provider that it is bound to. */
  readonly provider: string;
  /** Origins that it may be sent to. */
  readonly origins: readonly string[];
}

/** A provider that can be reached, whether anything leads to it or not, and the secrets that its entry names. */
export interface UsableProvider {
  readonly entry: ProviderEntry;
  readonly secrets: readonly SecretToSeal[];
}

/** One condition of a resource; `type` and `reason` come from one closed list. */
export type Condition = { [Type in ConditionType]: ConditionOf<Type> }[ConditionType];

interface ConditionOf<Type extends ConditionType> {
  readonly type: Type;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: keyof (typeof conditionTypes)[Type]['reasons'];
  /** What is wrong and what to do, for a person. Never holds a secret's value. */
  readonly message: string;
}

/** What the compiler finds out about a resource; Programmed is the edge's to say. */
export type CompiledType = Exclude<ConditionType, 'Programmed'>;

/** One thing that stands against a resource. */
export type Problem = { [Type in CompiledType]: Omit<ConditionOf<Type>, 'status'> }[CompiledType];

/** How the table reaches the edge. An inbox carries blobs and pointers; term, state and probe are the edge's own. */
export type PublishWay =
  | { readonly type: 'Edge' }
  | {
      readonly type: 'CloudflareKV';
      readonly accountId: string;
      readonly namespaceId: string;
      readonly apiToken: string;
      /** Where Cloudflare's API stands; absent: https://api.cloudflare.com/client/v4 */
      readonly apiURL?: string;
    }
  | { readonly type: 'UpstashRedis'; readonly url: string; readonly token: string };

/** What the EdgeGateway says about publishing at all. */
export interface PublishGuards {
  /** Publish nothing. */
  readonly suspend: boolean;
  /** The revision to go back to. */
  readonly pinnedRevision: string | undefined;
  /** The digest of a compiled table that may shrink the edge: annotation fairlead.dev/allow-shrink. */
  readonly allowShrink: string | undefined;
  readonly deletionPolicy: 'Retain' | 'Evict';
}

/** Where a compilation is to be published, and with which keys. */
export interface PublishTarget {
  readonly way: PublishWay;
  readonly guards: PublishGuards;
  /** Origin of the edge. */
  readonly endpoint: string;
  readonly cluster: string;
  /** Private Ed25519 JWK as JSON, as the Secret holds it. */
  readonly signingKey: string;
  /** To which secrets are sealed; `publicKey` is X25519, 32 bytes in base64url. */
  readonly sealingKey: { readonly kid: string; readonly publicKey: string };
}

/** An entry of the table that a resource was compiled to. */
export interface EntryRef {
  readonly section: Exclude<BucketedKind, 'keys'>;
  readonly id: string;
}

/** An inference service that the table leads to, or would if it could be called. */
export interface RoutedService {
  /** Key of the service. */
  readonly service: ResourceKey;
  /** Id of the entry of `providers` that it is compiled to. */
  readonly provider: string;
  readonly state: InferenceState;
  readonly replicas: { readonly ready: number; readonly desired: number | undefined };
  readonly accelerator: Accelerator | undefined;
  /** Where the edge reaches it, without credentials; absent while that is not known. */
  readonly url: string | undefined;
}

/** A model that `EdgeGateway.spec.discovery` finds. */
export interface DiscoveredModel {
  readonly kind: InferenceKind;
  readonly namespace: string;
  readonly name: string;
  /** As clients ask for it. */
  readonly modelName: string;
  /** Why it is not published, or why nothing answers, and what to do; absent where all is well. */
  readonly message: string | undefined;
}

/** What one compilation gives: the same for the same resources in any order. */
export interface Compilation {
  /** Absent where nothing may be published: the condition of the EdgeGateway says why. */
  readonly target: PublishTarget | undefined;
  /** Buckets of every section but `secrets`, in order. */
  readonly sections: Readonly<Record<Exclude<keyof SectionHashes, 'secrets'>, readonly Blob[]>>;
  /** Sorted by id. */
  readonly secrets: readonly SecretToSeal[];
  /** Of every resource of ours that concerns this edge. The same object as before where nothing changed in it. */
  readonly conditions: ReadonlyMap<ResourceKey, readonly Condition[]>;
  /** What each resource that ships was compiled to. The same object as before where nothing changed in it. */
  readonly entries: ReadonlyMap<ResourceKey, readonly EntryRef[]>;
  /** The same object as before where nothing changed in it. */
  readonly usableProviders: ReadonlyMap<ResourceId, UsableProvider>;
  /** What the edge must have seen before it ships, by provider id. The same object as before where nothing changed in it. */
  readonly sightings: ReadonlyMap<string, SightingWanted>;
  /**
   * The inference services behind each AIModel, each GatewayRoute with a `targetService`, and, for those that it
   * discovers, the EdgeGateway. The same object as before where nothing changed in it.
   */
  readonly services: ReadonlyMap<ResourceKey, readonly RoutedService[]>;
  /** Sorted by kind, namespace, name and model name. The same list as before where nothing changed in it. */
  readonly discovered: readonly DiscoveredModel[];
  /** Resources that ship. */
  readonly counts: Readonly<Record<'routes' | 'models' | 'providers' | 'consumers', number>>;
}
