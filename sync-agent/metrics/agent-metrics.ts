import { unobserved, type PassObserver } from '../pass.ts';
import type { StatusSink } from '../status/status-sink.ts';
import type { WorkQueueObserver } from '../status/work-queue.ts';

/** What the agent counts. It does not know by what. */
export interface AgentMetrics {
  readonly passes: PassObserver;
  /** Told of what the agent reports. */
  readonly sink: StatusSink;
  queue(name: string): WorkQueueObserver;
  /** A request to the API server has ended. @param request `code` is the HTTP status, `<error>` where there was none */
  requested(request: { readonly code: string; readonly method: string; readonly host: string }): void;
  /** @param lease its name */
  leading(lease: string, isLeading: boolean): void;
}

const nothing = () => undefined;

/** Counts nothing. */
export const noMetrics: AgentMetrics = {
  passes: unobserved,
  sink: { report: nothing },
  queue: () => ({ depth: nothing, added: nothing, retried: nothing, worked: nothing }),
  requested: nothing,
  leading: nothing,
};
