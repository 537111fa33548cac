import { Command } from 'commander';
import { EXIT_CODES_HELP } from '../exit-codes.ts';
import { ASKING_HELP, DIR_ARGUMENT, withEdgeOptions, type EdgeOptions } from './edge-options.ts';
import { namedPlace, OVERLAY_HELP, withNamespaceOption } from './place-options.ts';

export function diffCommand(): Command {
  const command = new Command('diff')
    .summary('a folder or cluster against what its edge holds, resource by resource')
    .description(`Compiles the resources of a folder or cluster and compares them with the table that the edge holds: what the agent would add (+), change (~) and remove (-), each change with its fields. Of secrets and keys it says only that they are others.

Says too whether the agent would hold it back: suspended, pinned, or because it drops too much.

${ASKING_HELP} It has the edge look at inference services, as the agent does.

${OVERLAY_HELP}`)
    .argument('[dir]', DIR_ARGUMENT);
  return withEdgeOptions(
    withNamespaceOption(command),
    '{different, edges: [{edge, held, changes, guards, digest, …}], problems, notes}',
  )
    .addHelpText(
      'after',
      `
Exit code 1 says that something differs, as that of \`diff\` does.

${EXIT_CODES_HELP}`,
    )
    .action(async (dir: string | undefined, options: EdgeOptions) => {
      // Loaded here, so that no other command waits for it.
      const { runDiff } = await import('../diff/run-diff.ts');
      const { defaultPlace } = await import('../edges/default-place.ts');
      await runDiff(namedPlace(dir, options, 'LayOver') ?? (await defaultPlace()), options);
    });
}
