import { Command, Option } from 'commander';
import { EXIT_CODES_HELP } from '../exit-codes.ts';

export interface RotateOptions {
  readonly signingOnly?: boolean;
  readonly sealingOnly?: boolean;
  readonly othersRotated?: boolean;
  readonly json?: boolean;
}

export function keysCommand(): Command {
  return new Command('keys')
    .summary('rotate the keys of an edge')
    .description('Looks after the keys that `fairlead keygen` made.')
    .addCommand(rotateCommand())
    .addHelpText('after', `\n${EXIT_CODES_HELP}`);
}

function rotateCommand(): Command {
  return new Command('rotate')
    .summary('take the next step of rotating signing and sealing keys, without an interruption')
    .description(
      'Takes the next step of a rotation, and says what to install and what to run next. Which step that is stands in the files of the folder and in what the edge answers: stop after any step, run it again, come back another day.',
    )
    .argument('<keys-folder>', 'the folder that `fairlead keygen` wrote')
    .addOption(new Option('--signing-only', 'rotate the signing key alone').conflicts('sealingOnly'))
    .option('--sealing-only', 'rotate the sealing key alone')
    .option('--others-rotated', 'other clusters that publish to the edge do not need the old sealing key any more')
    .option('--json', 'print one JSON document: {edge, did, phases, keys, obstacles, install, next, done}')
    .addHelpText(
      'after',
      `
The steps:
  1  New keys are made, and worker-secrets.json holds old and new ones. Nothing uses the new ones.
  2  Once the edge accepts the new signing key, which shows that it was given that file, signing-key.yaml and
     edge-gateway.yaml use the new keys.
  3  Once the table of the edge is signed with the new key and served by every isolate, and no revision that it keeps
     holds secrets sealed to the old key, worker-secrets.json loses the old ones.
Run again after the last one, it begins with the next rotation. Exit code 1 says that the next step has to wait.

${EXIT_CODES_HELP}`,
    )
    .action(async (folder: string, options: RotateOptions) => {
      // Loaded here, so that no other command waits for it.
      const { runRotate } = await import('../keys/run-rotate.ts');
      await runRotate(folder, options);
    });
}
