import type { Resource } from '../../crds/parse-resource.ts';
import { startEdge, type Edge } from '../../dev/edge.ts';
import { startSimulator, type Simulator } from '../../dev/simulator/server.ts';
import { createAgent } from '../../sync-agent/agent.ts';
import { silentLogger } from '../../sync-agent/log.ts';
import { createDirectorySource } from '../../sync-agent/source/directory.ts';
import type { AgentEvent } from '../../sync-agent/status/status-sink.ts';
import { makeEdgeKeys, workerSecrets, type EdgeKeys } from '../edge-keys.ts';
import { leaveAccessFile } from './access-file.ts';
import type { OpenAIAccess } from './local-resources.ts';
import type { Narrator } from './narrator.ts';
import { overlay, SIMULATOR_ORIGIN } from './overlay.ts';

/** Simulator, edge and agent in one process, on one folder. */
export interface LocalGateway {
  readonly edge: string;
  readonly simulator: string;
  /** Resolves when the agent has ended, which it does by `stop` alone; rejects where it failed. */
  readonly ended: Promise<void>;
  stop(): Promise<void>;
}

export interface LocalGatewayOptions {
  readonly folder: string;
  /** 0 takes a free port. */
  readonly port: number;
  /** `namespace/name` of the EdgeGateway to run; absent: the first by name. */
  readonly gateway?: string | undefined;
  readonly openAI?: OpenAIAccess | undefined;
  /** How many isolates serve, each on a port of its own. */
  readonly isolates: number;
  /** Further secrets of the worker, for providers with auth by WorkerSecret. */
  readonly workerSecrets: Readonly<Record<string, string>>;
  readonly narrator: Pick<Narrator, 'edgeLog' | 'note'>;
  /** Called once edge and simulator listen, before the agent begins. */
  readonly onListening: (addresses: { edge: string; isolates: readonly string[]; simulator: string }) => void;
  readonly onAgentEvent: (event: AgentEvent) => void;
}

const CLUSTER = 'local';
const CLUSTER_UID = 'directory';

/** @throws {PortTaken} */
export async function startLocalGateway(options: LocalGatewayOptions): Promise<LocalGateway> {
  const keys = await makeEdgeKeys();
  const edge = await startEdge({
    port: options.port,
    isolates: options.isolates,
    vars: (origin) => ({
      ...options.workerSecrets,
      ...workerSecrets(keys, CLUSTER, origin),
      FAIRLEAD_LOCAL: 'true',
    }),
    onLog: (line) => {
      options.narrator.edgeLog(line);
    },
  });
  const simulator = await startSimulatorBeside(edge).catch(async (error: unknown) => {
    await edge.dispose();
    throw error;
  });
  options.onListening({ edge: edge.url, isolates: edge.urls, simulator: simulator.url });
  const removeAccess = await leaveAccess(options, { keys, endpoint: edge.url, simulator: simulator.url });

  const source = createDirectorySource({
    dir: options.folder,
    clusterUid: CLUSTER_UID,
    overlay: (resources: readonly Resource[]) =>
      overlay(resources, {
        endpoint: edge.url,
        clusterName: CLUSTER,
        keys,
        edge: options.gateway,
        simulator: simulator.url,
        openAI: options.openAI,
      }),
  });
  const agent = createAgent({ source, sink: { report: options.onAgentEvent }, logger: silentLogger, shrink: 'Warn' });
  const stopping = new AbortController();
  const ended = agent.run(stopping.signal);
  const stop = async (): Promise<void> => {
    stopping.abort();
    await ended.catch(() => undefined);
    await removeAccess();
    await Promise.all([edge.dispose(), simulator.close()]);
  };
  return { edge: edge.url, simulator: simulator.url, ended, stop };
}

/** Without the file only the commands that ask the edge are missing something. */
async function leaveAccess(
  { folder, gateway, openAI, narrator }: LocalGatewayOptions,
  { keys, endpoint, simulator }: { keys: EdgeKeys; endpoint: string; simulator: string },
): Promise<() => Promise<void>> {
  try {
    return await leaveAccessFile(folder, {
      pid: process.pid,
      endpoint,
      cluster: CLUSTER,
      clusterUid: CLUSTER_UID,
      simulator,
      gateway,
      // Its key stays in this process.
      openAI: openAI && { baseURL: openAI.baseURL, model: openAI.model },
      keys,
    });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    narrator.note(
      `\`fairlead status\` and the like cannot ask this gateway, because its keys cannot be left for them: ${reason}`,
    );
    return () => Promise.resolve();
  }
}

/** On the port that the examples name; where that is taken, beside the edge; else on any. */
async function startSimulatorBeside(edge: Edge): Promise<Simulator> {
  const preferred = Number(new URL(SIMULATOR_ORIGIN).port);
  for (const port of [preferred, edge.port + 1]) {
    if (port === edge.port) continue;
    try {
      return await startSimulator({ port });
    } catch (error) {
      if (!isAddressInUse(error)) throw error;
    }
  }
  return startSimulator();
}

function isAddressInUse(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
}
