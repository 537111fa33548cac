import { Command } from 'commander';
import { EXIT_CODES_HELP } from '../exit-codes.ts';
import { DIR_ARGUMENT } from './edge-options.ts';
import {
  namedPlace,
  OVERLAY_HELP,
  withClusterOptions,
  withNamespaceOption,
  type PlaceOptions,
} from './place-options.ts';

export interface CompileOptions extends PlaceOptions {
  readonly out?: string;
  readonly json?: boolean;
}

export function compileCommand(): Command {
  const command = new Command('compile')
    .summary('compile the resources of a folder or cluster: what would be published, and what is wrong')
    .description(
      `Compiles resources as the sync agent does, publishes nothing, and shows for each EdgeGateway the sections of its routing table and the conditions of every resource. Fit for a check before merging: on a folder it needs neither a cluster nor an edge.

${OVERLAY_HELP}`,
    )
    .argument('[dir]', DIR_ARGUMENT);
  return withNamespaceOption(withClusterOptions(command))
    .option('--out <folder>', 'also write every section’s blobs there, as they would be published')
    .option('--json', 'print one JSON document: {ok, edges: [{edge, sections, counts, conditions}], problems, notes}')
    .addHelpText('after', `\n${EXIT_CODES_HELP}`)
    .action(async (dir: string | undefined, options: CompileOptions) => {
      // Loaded here, so that no other command waits for it.
      const { runCompile } = await import('../compile/run-compile.ts');
      const { defaultPlace } = await import('../edges/default-place.ts');
      await runCompile(namedPlace(dir, options, 'LayOver') ?? (await defaultPlace()), options);
    });
}
