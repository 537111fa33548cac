import type { Compilation, Condition } from '../compile/compilation.ts';
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
    }
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
