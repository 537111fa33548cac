import { createAgent } from '../sync-agent/agent.ts';
import { silentLogger } from '../sync-agent/log.ts';
import type { Resource, SnapshotChange } from '../sync-agent/snapshot.ts';
import type { ResourceSource } from '../sync-agent/source/source.ts';
import type { AgentEvent } from '../sync-agent/status/status-sink.ts';
import type { LargeEdge } from './large-edge.ts';

const servedDeadlineMs = 60_000;

export type LargeAgent = {
  /** Resolves when everything that was offered so far is served. */
  served: () => Promise<void>;
  offer: (resource: Resource) => void;
  stop: () => Promise<void>;
};

/** A whole agent in this process, whose 10,000 resources come from memory. It publishes to that edge. */
export function startLargeAgent(large: LargeEdge, origin: string, agentFetch: typeof fetch): LargeAgent {
  let changes: SnapshotChange[] = large.resources(origin).map(setOf);
  let onChange = (): void => undefined;
  let served = Promise.withResolvers<void>();
  const source: ResourceSource = {
    open: async (ring) => {
      onChange = ring;
      return {
        clusterUid: 'bench',
        observe: async () => ({ changes: changes.splice(0), problems: [] }),
        close: async () => undefined,
      };
    },
  };
  const report = (event: AgentEvent): void => {
    if (event.type === 'served') served.resolve();
    if (event.type === 'failed' && event.retryInMs === null) served.reject(new Error(event.sentence));
  };
  const stopping = new AbortController();
  const ended = createAgent({ source, sink: { report }, logger: silentLogger, fetch: agentFetch }).run(stopping.signal);
  ended.catch((error: unknown) => {
    served.reject(error);
  });
  return {
    served: async () => {
      const late = setTimeout(() => {
        served.reject(new Error(`nothing was served within ${servedDeadlineMs} ms`));
      }, servedDeadlineMs);
      await served.promise.finally(() => clearTimeout(late));
    },
    offer: (resource) => {
      served = Promise.withResolvers();
      changes = [setOf(resource)];
      onChange();
    },
    stop: async () => {
      stopping.abort();
      await ended;
    },
  };
}

function setOf(resource: Resource): SnapshotChange {
  return { type: 'Set', resource };
}
