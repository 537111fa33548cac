import { Command } from 'commander';
import { compileCommand } from './commands/compile.ts';
import { devCommand } from './commands/dev.ts';
import { diffCommand } from './commands/diff.ts';
import { evictCommand } from './commands/evict.ts';
import { explainCommand } from './commands/explain.ts';
import { historyCommand } from './commands/history.ts';
import { keygenCommand } from './commands/keygen.ts';
import { keysCommand } from './commands/keys.ts';
import { rollbackCommand } from './commands/rollback.ts';
import { statusCommand } from './commands/status.ts';
import { CliError, EXIT, EXIT_CODES_HELP } from './exit-codes.ts';

const program = new Command('fairlead')
  .description(
    'An LLM gateway at the edge, operated by Kubernetes resources: run it here, look into it, operate it, make its keys.',
  )
  .showHelpAfterError('(`fairlead --help` lists the commands, `fairlead COMMAND --help` a command’s options)')
  .addCommand(devCommand())
  .addCommand(compileCommand())
  .addCommand(explainCommand())
  .addCommand(statusCommand())
  .addCommand(diffCommand())
  .addCommand(historyCommand())
  .addCommand(rollbackCommand())
  .addCommand(evictCommand())
  .addCommand(keygenCommand())
  .addCommand(keysCommand())
  .addHelpText(
    'after',
    `
Examples:
  fairlead dev                              the quickstart, on http://127.0.0.1:8787
  fairlead dev --dir my-resources           a gateway on your own folder; edits reach it as you save
  fairlead compile my-resources             are they all right, and what would be published?
  fairlead explain my-resources --model demo --key sk-…   why does this request go there?
  fairlead status my-resources              what does the edge serve, and what of the folder does it not?
  fairlead status --context production      the same of a cluster, and whether its agent runs
  fairlead diff my-resources                what would publishing the folder change at the edge?
  fairlead history my-resources             the revisions that the edge keeps
  fairlead rollback my-resources            go back to the one before
  fairlead keygen                           keys for a new edge, and the commands that install them

${EXIT_CODES_HELP}`,
  );
for (const command of withSubcommands(program)) command.exitOverride();

// Whoever reads has seen enough, as in `fairlead diff | head`: that is no fault.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = exitCodeOf(error);
}

function withSubcommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap((subcommand) => withSubcommands(subcommand))];
}

function exitCodeOf(error: unknown): number {
  if (error instanceof CliError) {
    process.stderr.write(`fairlead: ${error.message}\n`);
    return error.exitCode;
  }
  // Commander has written its message, or the help that was asked for.
  if (isCommanderError(error)) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  process.stderr.write(`fairlead: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return EXIT.broken;
}

function isCommanderError(error: unknown): error is Error & { exitCode: number } {
  return error instanceof Error && 'exitCode' in error && typeof error.exitCode === 'number';
}
