import { EXIT, runAgent } from '../../sync-agent/run-agent.ts';
import { CLUSTER_DOORS, type ClusterDoors } from '../../sync-agent/run-in-cluster.ts';
import { Happenings } from './happenings.ts';
import { agentLine, type AgentLine } from './running-agent.ts';

/** An agent of a cluster within the test's own process: with doors that the test holds. */
export interface AgentInCluster {
  readonly lines: Happenings<AgentLine>;
  /** Resolves with its exit code when it has ended, by itself or not. */
  readonly ended: Promise<number>;
  /** As SIGTERM does. */
  stop(): Promise<void>;
}

export interface AgentInClusterOptions {
  /** All that it is told by flags, the kubeconfig too. */
  readonly flags: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Those that are other than of the real world. */
  readonly doors?: Partial<ClusterDoors>;
}

export function startAgentInCluster({ flags, env = {}, doors = {} }: AgentInClusterOptions): AgentInCluster {
  const lines = new Happenings<AgentLine>();
  const stopping = new AbortController();
  const ended = runAgent({
    args: flags,
    env,
    out: (line) => lines.add(agentLine.parse(JSON.parse(line))),
    err: (message) => lines.add({ level: 'error', message }),
    signal: stopping.signal,
    doors: { ...CLUSTER_DOORS, ...doors },
  });
  return {
    lines,
    ended,
    stop: async () => {
      stopping.abort(new Error('SIGTERM'));
      await ended;
    },
  };
}

/** The agent as a kubelet keeps it: one that ends by itself is started anew. @property exits of those that did */
export interface KeptAgent extends Omit<AgentInCluster, 'ended'> {
  readonly exits: readonly number[];
}

/** Between an end and the next start, in milliseconds. */
const RESTART_MS = 300;

export function keepAgentInCluster(options: AgentInClusterOptions): KeptAgent {
  const lines = new Happenings<AgentLine>();
  const exits: number[] = [];
  const clock = options.doors?.clock ?? CLUSTER_DOORS.clock;
  const over = new AbortController();
  let running: AgentInCluster | undefined;
  const keep = async (): Promise<void> => {
    while (!over.signal.aborted) {
      running = startAgentInCluster(options);
      running.lines.tell((line) => lines.add(line));
      const code = await running.ended;
      if (code === EXIT.stopped) return;
      exits.push(code);
      await clock.wait(RESTART_MS, over.signal).catch(() => undefined);
    }
  };
  const kept = keep();
  return {
    lines,
    exits,
    stop: async () => {
      over.abort(new Error('SIGTERM'));
      await running?.stop();
      await kept;
    },
  };
}
