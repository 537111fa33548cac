import { Command } from 'commander';
import { EXIT_CODES_HELP } from '../exit-codes.ts';
import { ASKING_HELP, DIR_ARGUMENT, withEdgeOptions, type EdgeOptions } from './edge-options.ts';
import { CLUSTER_HELP, namedPlace } from './place-options.ts';

export function historyCommand(): Command {
  const command = new Command('history')
    .summary('the revisions that an edge keeps, the newest first')
    .description(`Lists the current revision of each edge and the ten before it: when each was admitted, by which key it is signed, what changed against the one before, and how many isolates serve it. \`fairlead rollback\` goes back to any of them.

${ASKING_HELP} ${CLUSTER_HELP}`)
    .argument('[dir]', DIR_ARGUMENT);
  return withEdgeOptions(command, '{edges: [{edge, revisions: [{revision, generation, admittedAt, kid, changes, …}]}]}')
    .addHelpText('after', `\n${EXIT_CODES_HELP}`)
    .action(async (dir: string | undefined, options: EdgeOptions) => {
      // Loaded here, so that no other command waits for it.
      const { runHistory } = await import('../history/run-history.ts');
      const { defaultPlace } = await import('../edges/default-place.ts');
      await runHistory(namedPlace(dir, options, 'Refuse') ?? (await defaultPlace()), options);
    });
}
