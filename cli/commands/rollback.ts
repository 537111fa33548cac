import { existsSync } from 'node:fs';
import { Command, InvalidArgumentError, Option } from 'commander';
import { CliError, EXIT, EXIT_CODES_HELP } from '../exit-codes.ts';
import { SIGNED_HELP, DIR_ARGUMENT, withEdgeOptions, type EdgeOptions } from './edge-options.ts';
import { CLUSTER_HELP, namedPlace } from './place-options.ts';

export interface RollbackOptions extends EdgeOptions {
  readonly undo?: boolean;
  readonly wait: boolean;
  /** Seconds. */
  readonly timeout: number;
}

export function rollbackCommand(): Command {
  const command = new Command('rollback')
    .summary('go back to a revision that the edge keeps, or forward again')
    .description(`Writes spec.pinnedRevision into the file of the EdgeGateway, or into the EdgeGateway of the cluster, says what comes back and what goes, and waits until every isolate serves it. The agent publishes the routes, models, providers and consumers of that revision with the providers' secrets of now, as a new revision, and stays there until the rollback is undone. Nothing else of folder or cluster is changed; everything else of the file stays as it is.

${SIGNED_HELP} ${CLUSTER_HELP}`)
    .argument('[dir]', DIR_ARGUMENT)
    .argument('[revision]', 'where to, by its name or the beginning of it (default: the latest with other resources)')
    .option('--undo', 'take the rollback back: the edge goes forward to what the resources say')
    .option('--no-wait', 'write it and end')
    .addOption(
      new Option('--timeout <seconds>', 'how long to wait until it is served').default(30).argParser(parseSeconds),
    );
  return withEdgeOptions(command, '{edge, file, from, to, changes, changed, served}')
    .addHelpText(
      'after',
      `
Examples:
  fairlead rollback my-resources                 to the revision before
  fairlead rollback my-resources 9f86d081884c    to the one of \`fairlead history\`
  fairlead rollback my-resources --undo
  fairlead rollback --context production 9f86d081884c

Exit code 1 says that it is not served yet, or that there is nothing to go back to.

${EXIT_CODES_HELP}`,
    )
    .action(async (dir: string | undefined, revision: string | undefined, options: RollbackOptions) => {
      // Loaded here, so that no other command waits for it.
      const { runRollback } = await import('../rollback/run-rollback.ts');
      const { defaultPlace } = await import('../edges/default-place.ts');
      const named = tellApart(dir, revision);
      if (options.undo === true && named.revision !== undefined)
        throw new CliError('--undo takes no revision: it goes forward to what the resources say', EXIT.usage);
      const place = namedPlace(named.dir, options, 'Refuse') ?? (await defaultPlace());
      await runRollback(place, named.revision, options);
    });
}

/** A revision alone is one of the cluster that is named, or of the folder that is meant where none is. */
function tellApart(
  dir: string | undefined,
  revision: string | undefined,
): { dir: string | undefined; revision: string | undefined } {
  const isRevision = dir !== undefined && revision === undefined && /^[0-9a-f]{4,12}$/.test(dir) && !existsSync(dir);
  return isRevision ? { dir: undefined, revision: dir } : { dir, revision };
}

function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (/^\d+$/.test(text) && seconds <= 3600) return seconds;
  throw new InvalidArgumentError('It must be a number of seconds from 0 to 3600.');
}
