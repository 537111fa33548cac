import { createAgent } from './agent.ts';
import { systemClock } from './clock.ts';
import { ConfigError, readConfig, USAGE } from './config.ts';
import { jsonLogger } from './log.ts';
import { PublishFailure } from './publish/publish-failure.ts';
import { createDirectorySource } from './source/directory.ts';
import { SourceUnavailable } from './source/source.ts';
import { conditionLog } from './status/condition-log.ts';

/** What the process is to its caller. */
export const EXIT = { stopped: 0, failed: 1, usage: 2, superseded: 3 } as const;

export interface Surroundings {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Ends the agent. */
  readonly signal: AbortSignal;
}

/** The agent as a process, but for the process. Returns its exit code. */
export async function runAgent({ args, env, out, err, signal }: Surroundings): Promise<number> {
  let config: ReturnType<typeof readConfig>;
  try {
    config = readConfig(args, env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    err(`${error.message}\n\n${USAGE}`);
    return EXIT.usage;
  }
  if (config === 'help') {
    out(USAGE);
    return EXIT.stopped;
  }
  const logger = jsonLogger(out, systemClock, config.logLevel);
  // Status has nowhere else to go than the log, which tells all of it but the conditions.
  const sink = conditionLog(logger);
  const source = createDirectorySource({ dir: config.sourceDir, clusterUid: config.clusterUid });
  const { cloudflareAPI, resyncSeconds } = config;
  const agent = createAgent({ source, sink, logger, resyncMs: resyncSeconds * 1000, cloudflareAPI });
  try {
    logger.info('started', { sourceDir: config.sourceDir });
    await agent.run(signal);
    logger.info('stopped');
    return EXIT.stopped;
  } catch (error) {
    if (error instanceof PublishFailure && error.fault === 'superseded') {
      logger.error(`${error.message}. This agent ends here, and changes nothing at the edge any more`);
      return EXIT.superseded;
    }
    if (error instanceof SourceUnavailable || error instanceof PublishFailure) logger.error(error.message);
    else logger.error('failed', { reason: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    return EXIT.failed;
  }
}
