import { Command } from 'commander';
import { EXIT_CODES_HELP } from '../exit-codes.ts';
import { ASKING_HELP, DIR_ARGUMENT, withEdgeOptions, type EdgeOptions } from './edge-options.ts';

export function statusCommand(): Command {
  const command = new Command('status')
    .summary('what each edge of a folder serves, and what of the folder it does not')
    .description(`Asks each edge what it holds, by how many isolates that is served and what they refused, and says whether the folder says the same, and of each resource that is not served as it stands why not.

${ASKING_HELP}`)
    .argument('[dir]', DIR_ARGUMENT);
  return withEdgeOptions(
    command,
    '{ok, edges: [{edge, reached, held, serving, refused, changes, guards, programmed, …}]}',
  )
    .addHelpText(
      'after',
      `
Exit code 1 says that something is not served as the folder says it, 3 that an edge could not be asked.

${EXIT_CODES_HELP}`,
    )
    .action(async (dir: string | undefined, options: EdgeOptions) => {
      // Loaded here, so that no other command waits for it.
      const { runStatus } = await import('../status/run-status.ts');
      const { defaultFolder } = await import('../edges/default-folder.ts');
      await runStatus(dir ?? (await defaultFolder()), options);
    });
}
