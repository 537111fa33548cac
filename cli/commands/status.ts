import { Command } from 'commander';
import { EXIT_CODES_HELP } from '../exit-codes.ts';
import { ASKING_HELP, DIR_ARGUMENT, withEdgeOptions, type EdgeOptions } from './edge-options.ts';
import { CLUSTER_HELP, namedPlace, withNamespaceOption } from './place-options.ts';

export interface StatusOptions extends EdgeOptions {
  readonly agentNamespace: string;
}

export function statusCommand(): Command {
  const command = new Command('status')
    .summary('what each edge of a folder or cluster serves, and what of the resources it does not')
    .description(`Asks each edge what it holds, by how many isolates that is served and what they refused, and says whether the resources say the same, and of each resource that is not served as it stands why not.

${ASKING_HELP}

${CLUSTER_HELP} Of a cluster it says too whether an agent leads there, and which resources have a status in the API server that is not what the edge says.`)
    .argument('[dir]', DIR_ARGUMENT);
  return withEdgeOptions(
    withNamespaceOption(command).option(
      '--agent-namespace <name>',
      'where the agent of the cluster has its Lease',
      'fairlead-system',
    ),
    '{ok, agent, edges: [{edge, reached, held, serving, refused, changes, guards, programmed, stale, …}]}',
  )
    .addHelpText(
      'after',
      `
Exit code 1 says that something is not served as the resources say it, or that no agent leads, 3 that an edge could not be asked.

${EXIT_CODES_HELP}`,
    )
    .action(async (dir: string | undefined, options: StatusOptions) => {
      // Loaded here, so that no other command waits for it.
      const { runStatus } = await import('../status/run-status.ts');
      const { defaultPlace } = await import('../edges/default-place.ts');
      await runStatus(namedPlace(dir, options, 'Refuse') ?? (await defaultPlace()), options);
    });
}
