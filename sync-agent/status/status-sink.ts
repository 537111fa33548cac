import type { Compilation, Condition } from '../compile/compilation.ts';
import type { HoldReason } from '../guards/hold.ts';
import type { PublishFault } from '../publish/publish-failure.ts';
import type { Problem } from '../source/source.ts';
import type { ResourceKey } from '../snapshot.ts';
import type { ResourceChanges } from './resource-changes.ts';

/**
 * Where the agent reports to. That of a directory is whoever started the agent; that of Kubernetes will write
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
  /** What the resources compile to, whenever what is said of them changed. */
  | {
      readonly type: 'compiled';
      readonly edge: string;
      readonly conditions: ReadonlyMap<ResourceKey, readonly Condition[]>;
      readonly counts: Compilation['counts'];
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
  /** The condition Programmed of every resource that concerns the edge, whenever one changed. */
  | {
      readonly type: 'programmed';
      readonly edge: string;
      readonly conditions: ReadonlyMap<ResourceKey, Condition>;
    }
  | {
      readonly type: 'failed';
      readonly edge: string;
      readonly code: PublishFault | 'internal';
      /** What is wrong and what to do. */
      readonly sentence: string;
      /** None where the agent gives up. */
      readonly retryInMs: number | null;
    };
