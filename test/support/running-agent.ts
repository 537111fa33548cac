import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { createAgent, type AgentOptions } from '../../sync-agent/agent.ts';
import { silentLogger } from '../../sync-agent/log.ts';
import { createDirectorySource } from '../../sync-agent/source/directory.ts';
import type { AgentEvent } from '../../sync-agent/status/status-sink.ts';
import { Happenings } from './happenings.ts';

export interface RunningAgent {
  /** Waits for the next revision that every isolate serves. */
  served(): Promise<string>;
  stop(): Promise<void>;
  /** Ends it as a crash would, where it is a process. */
  kill(): Promise<void>;
}

export type StartAgent = (folder: string) => Promise<RunningAgent>;

export interface AgentInProcess extends RunningAgent {
  readonly events: Happenings<AgentEvent>;
  /** Rejects where the agent gave up by itself. */
  readonly ended: Promise<void>;
}

export interface AgentSurroundings extends Pick<AgentOptions, 'resyncMs' | 'fetch' | 'clock' | 'cloudflareAPI'> {
  readonly clusterUid?: string;
}

/** The agent as `fairlead dev` runs it. */
export async function startAgentInProcess(
  folder: string,
  { clusterUid, ...surroundings }: AgentSurroundings = {},
): Promise<AgentInProcess> {
  const events = new Happenings<AgentEvent>();
  const agent = createAgent({
    source: createDirectorySource({ dir: folder, ...(clusterUid !== undefined && { clusterUid }) }),
    sink: {
      report: (event) => {
        events.add(event);
      },
    },
    logger: silentLogger,
    ...surroundings,
  });
  const stopping = new AbortController();
  const ended = agent.run(stopping.signal);
  const stop = async (): Promise<void> => {
    stopping.abort();
    await ended;
  };
  // Whoever stops it learns how it ended.
  ended.catch(() => undefined);
  return {
    events,
    ended,
    stop,
    kill: stop,
    async served() {
      const event = await events.next('a revision that is served', ({ type }) => type === 'served');
      return event.type === 'served' ? event.revision : '';
    },
  };
}

export interface AgentProcess extends RunningAgent {
  readonly pid: number;
  /** Its log lines, parsed. */
  readonly lines: Happenings<AgentLine>;
  /** Resolves with its exit code when it has ended, by itself or not; null where a signal ended it. */
  readonly ended: Promise<number | null>;
  /** Stops its time, and lets it go on. */
  pause(): void;
  goOn(): void;
}

export interface AgentLine {
  readonly level: string;
  readonly message: string;
  readonly [field: string]: unknown;
}

const MAIN = fileURLToPath(new URL('../../sync-agent/main.ts', import.meta.url));

const LEAD_ELSEWHERE = new URL('lead-elsewhere.ts', import.meta.url).href;

export interface AgentProcessOptions {
  /** Another build of the agent. */
  readonly main?: string;
  /** How often it looks at source and edge without being told of a change; absent: as it does by itself. */
  readonly resyncSeconds?: number;
  /** Further flags. */
  readonly flags?: readonly string[];
  /** Ports of this machine that its calls of `host:port` arrive at (lead-elsewhere.ts). */
  readonly places?: Readonly<Record<string, number>>;
}

/** The agent as a process of its own, on a folder. */
export async function startAgentProcess(folder: string, options: AgentProcessOptions = {}): Promise<AgentProcess> {
  return startProcess(['--source-dir', folder], options);
}

/** The agent as a process of its own, on a cluster. @param namespace where its Lease stands */
export function startClusterAgentProcess(
  { kubeconfig, namespace }: { readonly kubeconfig: string; readonly namespace: string },
  options: AgentProcessOptions = {},
): AgentProcess {
  return startProcess(['--kubeconfig', kubeconfig, '--namespace', namespace], options);
}

function startProcess(source: readonly string[], options: AgentProcessOptions): AgentProcess {
  const { main = MAIN, resyncSeconds, flags = [], places } = options;
  const pace = resyncSeconds === undefined ? [] : ['--resync-seconds', String(resyncSeconds)];
  const args = [...source, ...pace, ...flags];
  if (!places) return spawnAgent(main, args, process.env);
  const env = { ...process.env, FAIRLEAD_TEST_PLACES: JSON.stringify(places) };
  return spawnAgent(main, args, env, ['--import', LEAD_ELSEWHERE]);
}

/** A build of the agent with these flags and this environment, and nothing else. @param nodeFlags before the build */
export function spawnAgent(
  main: string,
  flags: readonly string[],
  env: NodeJS.ProcessEnv,
  nodeFlags: readonly string[] = [],
): AgentProcess {
  const args = [...nodeFlags, main, ...flags];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'], env });
  const ended = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)));
  const lines = new Happenings<AgentLine>();
  createInterface(child.stdout).on('line', (line) => {
    lines.add(agentLine.parse(JSON.parse(line)));
  });
  const endBy = async (signal: NodeJS.Signals): Promise<void> => {
    child.kill(signal);
    await ended;
  };
  return {
    pid: child.pid ?? 0,
    lines,
    ended,
    pause: () => child.kill('SIGSTOP'),
    goOn: () => child.kill('SIGCONT'),
    async served() {
      const line = await lines.next('a revision that is served', ({ message }) => message === 'served');
      return String(line['revision']);
    },
    stop: () => endBy('SIGTERM'),
    kill: () => endBy('SIGKILL'),
  };
}

export const agentLine = z.looseObject({ level: z.string(), message: z.string() });
