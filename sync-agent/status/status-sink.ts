import type { Compilation, Condition } from '../compile/compilation.ts';
import type { HoldReason } from '../guards/hold.ts';
import type { PublishFault } from '../publish/publish-failure.ts';
import type { Problem } from '../source/source.ts';
import type { ResourceId, ResourceKey } from '../snapshot.ts';
import type { EdgeObservation } from './edge-observation.ts';
import type { ResourceChanges } from './resource-changes.ts';

/**
 * Where the agent reports to. That of a directory is whoever started the agent; that of Kubernetes (kubernetes/) writes
 * `status` of the resources.
 */
export interface StatusSink {
  report(event: AgentEvent): void;
}

/** `edge` is `namespace/name` of the EdgeGateway. */
export type AgentEvent =
  /** All problems of the source, whenever they changed; none: all are mended. */
  | { readonly type: 'problems'; readonly problems: readonly Problem[] }
  /** There is no EdgeGateway (any more). */
  | { readonly type: 'no-edge' }
  /** The EdgeGateways that are there to stay, at the start and whenever that changed. */
  | {
      readonly type: 'edges';
      readonly edges: ReadonlySet<ResourceId>;
      /** Where there is none: the resources of ours, with their generations; told anew whenever they change. */
      readonly unattached: ReadonlyMap<ResourceKey, number>;
    }
  /** What the resources compile to, whenever that or what is said of them changed. */
  | {
      readonly type: 'compiled';
      readonly edge: string;
      readonly conditions: ReadonlyMap<ResourceKey, readonly Condition[]>;
      readonly counts: Compilation['counts'];
      /** `metadata.generation` of what was compiled. The same object as before where none changed. */
      readonly generations: ReadonlyMap<ResourceKey, number>;
      readonly services: Compilation['services'];
      readonly discovered: Compilation['discovered'];
    }
  /** The hub has admitted a revision. */
  | {
      readonly type: 'published';
      readonly edge: string;
      readonly revision: string;
      /** `term.sequence` */
      readonly generation: string;
      readonly changes: ResourceChanges;
      /** How many the edge did not have. */
      readonly blobs: number;
      /** The revision that it goes back to, where that is pinned. */
      readonly rollbackOf?: string;
    }
  /** Something holds back what is compiled, as the EdgeGateway says or as a guard wants; told anew whenever it changes. */
  | {
      readonly type: 'held';
      readonly edge: string;
      readonly reason: HoldReason;
      /** Why, and what to do about it: it goes on after `held:`, without a full stop. */
      readonly sentence: string;
      /** Resources that the edge does not hold as they are, or still holds though they are gone. */
      readonly waiting: readonly ResourceKey[];
    }
  /** Published all the same, because this agent only warns, what another would have held back as ShrinkHeld. */
  | { readonly type: 'shrunk'; readonly edge: string; readonly sentence: string }
  /** Nothing is held back any more. */
  | { readonly type: 'released'; readonly edge: string }
  /** The EdgeGateway is gone, and as its deletion policy says the edge no longer serves what it published. */
  | { readonly type: 'evicted'; readonly edge: string }
  /** At the start: the edge holds already what should be there. */
  | { readonly type: 'unchanged'; readonly edge: string; readonly revision: string }
  /** The probe and every isolate heard of serve the revision; once for each revision. */
  | {
      readonly type: 'served';
      readonly edge: string;
      readonly revision: string;
      /** Since it was published, or since the agent found it there. */
      readonly afterMs: number;
      /** Isolates heard of. */
      readonly isolates: number;
    }
  /** The condition Programmed of every resource that concerns the edge, whenever one or its generation changed. */
  | {
      readonly type: 'programmed';
      readonly edge: string;
      readonly conditions: ReadonlyMap<ResourceKey, Condition>;
      /** Of the compilation that it is about. */
      readonly generations: ReadonlyMap<ResourceKey, number>;
    }
  /** What is known of the edge itself, whenever that changed. */
  | { readonly type: 'observed'; readonly edge: string; readonly observation: EdgeObservation }
  | {
      readonly type: 'failed';
      readonly edge: string;
      readonly code: PublishFault | 'internal';
      /** What is wrong and what to do. */
      readonly sentence: string;
      /** None where the agent gives up. */
      readonly retryInMs: number | null;
    };
