import { Command } from 'commander';
import { EXIT_CODES_HELP } from '../exit-codes.ts';

export interface CompileOptions {
  readonly out?: string;
  readonly json?: boolean;
}

export function compileCommand(): Command {
  return new Command('compile')
    .summary('compile a folder of resources: what would be published, and what is wrong')
    .description(
      'Compiles a folder of YAML resources as the sync agent does, publishes nothing, and shows for each EdgeGateway the sections of its routing table and the conditions of every resource. Fit for a check before merging: it needs neither a cluster nor an edge.',
    )
    .argument('<dir>', 'folder of YAML files, read with its subfolders')
    .option('--out <folder>', 'also write every section’s blobs there, as they would be published')
    .option('--json', 'print one JSON document: {ok, edges: [{edge, sections, counts, conditions}], problems}')
    .addHelpText('after', `\n${EXIT_CODES_HELP}`)
    .action(async (dir: string, options: CompileOptions) => {
      // Loaded here, so that no other command waits for it.
      const { runCompile } = await import('../compile/run-compile.ts');
      await runCompile(dir, options);
    });
}
