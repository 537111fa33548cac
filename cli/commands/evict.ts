import { Command } from 'commander';
import { EXIT_CODES_HELP } from '../exit-codes.ts';
import { DIR_ARGUMENT, withEdgeOptions, type EdgeOptions } from './edge-options.ts';
import { CLUSTER_HELP, namedPlace } from './place-options.ts';

export interface EvictOptions extends EdgeOptions {
  readonly yes?: boolean;
}

export function evictCommand(): Command {
  const command = new Command('evict')
    .summary('have an edge drop what this cluster published')
    .description(`Has an edge stop serving what this cluster published, and forget the cluster's UID, so that another cluster may take its place under the name. What other clusters published stays. An agent of this cluster that runs on is superseded and ends; an agent that is started afterwards publishes anew.

The request is signed with the key that the EdgeGateway names. Where \`fairlead dev\` runs on the folder, its edge is the one that is meant. ${CLUSTER_HELP}`)
    .argument('[dir]', DIR_ARGUMENT)
    .option('--yes', 'do it; without this the command says what would go, and ends');
  return withEdgeOptions(command, '{edge, endpoint, cluster, evicted, dropped}')
    .addHelpText('after', `\n${EXIT_CODES_HELP}`)
    .action(async (dir: string | undefined, options: EvictOptions) => {
      // Loaded here, so that no other command waits for it.
      const { runEvict } = await import('../evict/run-evict.ts');
      const { defaultPlace } = await import('../edges/default-place.ts');
      await runEvict(namedPlace(dir, options, 'Refuse') ?? (await defaultPlace()), options);
    });
}
