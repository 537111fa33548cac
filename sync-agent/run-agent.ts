import { hostname } from 'node:os';
import { createAgent } from './agent.ts';
import { systemClock } from './clock.ts';
import { ConfigError, readConfig, USAGE, type AgentConfig, type DirectoryConfig } from './config.ts';
import { jsonLogger } from './json-log.ts';
import { AccessFailure } from './kubernetes/cluster-access.ts';
import { LeadershipLost } from './leader/leader-election.ts';
import type { Logger } from './log.ts';
import { openProcessParts, type ProcessParts } from './process-parts.ts';
import { PublishFailure } from './publish/publish-failure.ts';
import { CLUSTER_DOORS, runInCluster, type ClusterDoors } from './run-in-cluster.ts';
import { createDirectorySource } from './source/directory.ts';
import { SourceUnavailable } from './source/source.ts';
import { conditionLog } from './status/condition-log.ts';
import { unitedSink } from './status/united-sink.ts';

/** What the process is to its caller. */
export const EXIT = { stopped: 0, failed: 1, usage: 2, superseded: 3, lostLease: 4 } as const;

export interface Surroundings {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Ends the agent. */
  readonly signal: AbortSignal;
  /** Absent: those of the real world. */
  readonly doors?: ClusterDoors;
}

/** The agent as a process, but for the process. Returns its exit code. */
export async function runAgent(surroundings: Surroundings): Promise<number> {
  const { args, env, out, err } = surroundings;
  let config: AgentConfig | 'help';
  try {
    config = readConfig(args, env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    err(`${error.message}\n(--help lists the options)\n`);
    return EXIT.usage;
  }
  if (config === 'help') {
    out(USAGE);
    return EXIT.stopped;
  }
  const logger = jsonLogger(out, systemClock, config.logLevel);
  try {
    await runConfigured(config, logger, surroundings);
    logger.info('stopped');
    return EXIT.stopped;
  } catch (error) {
    return exitCodeOf(error, logger);
  }
}

async function runConfigured(
  config: AgentConfig,
  logger: Logger,
  { env, signal, doors = CLUSTER_DOORS }: Surroundings,
): Promise<void> {
  const instance = config.type === 'Cluster' ? config.podName : hostname();
  const parts = await openProcessParts({ env, logger, instance, httpAddress: config.httpAddress });
  try {
    switch (config.type) {
      case 'Directory':
        logger.info('started', { sourceDir: config.sourceDir });
        return await runOnDirectory(config, parts, signal);
      case 'Cluster':
        logger.info('started', { pod: config.podName, watchNamespaces: config.watchNamespaces });
        return await runInCluster(config, parts, env, doors, signal);
    }
  } finally {
    await parts.close();
  }
}

async function runOnDirectory(config: DirectoryConfig, parts: ProcessParts, signal: AbortSignal): Promise<void> {
  const { sourceDir: dir, clusterUid, cloudflareAPI, resyncSeconds } = config;
  const { logger, metrics, passes } = parts;
  // Status has nowhere else to go than the log, which tells all of it but the conditions.
  const sink = unitedSink([metrics.sink, conditionLog(logger)]);
  const source = createDirectorySource({ dir, clusterUid });
  parts.waitFor(undefined);
  await createAgent({ source, sink, logger, passes, resyncMs: resyncSeconds * 1000, cloudflareAPI }).run(signal);
}

function exitCodeOf(error: unknown, logger: Logger): number {
  if (error instanceof PublishFailure && error.fault === 'superseded') {
    logger.error(`${error.message}. This agent ends here, and changes nothing at the edge any more`);
    return EXIT.superseded;
  }
  if (error instanceof LeadershipLost) {
    logger.error(`${error.message}. This agent ends here, to begin anew`);
    return EXIT.lostLease;
  }
  const isTold = [SourceUnavailable, PublishFailure, AccessFailure].some((kind) => error instanceof kind);
  if (isTold && error instanceof Error) logger.error(error.message);
  else logger.error('failed', { reason: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  return EXIT.failed;
}
