import { Argument, Command } from 'commander';
import { EXIT_CODES_HELP } from '../exit-codes.ts';

export interface KeygenOptions {
  readonly cluster: string;
  readonly endpoint: string;
  readonly namespace: string;
  readonly name: string;
  readonly out: string;
  readonly json?: boolean;
}

export function keygenCommand(): Command {
  return new Command('keygen')
    .summary('make the keys of a new edge, or the key of a caller')
    .description(
      `Makes keys.

  edge      (default) the pair that signs routing tables, the pair that seals
            providers' keys, and the files and commands that install each half
            where it belongs: the cluster signs and seals, the worker verifies
            and opens
  consumer  a virtual key for a caller, and the digest by which a Consumer
            knows it`,
    )
    .addArgument(new Argument('[what]', 'which keys').choices(['edge', 'consumer']).default('edge'))
    .option('--cluster <name>', 'edge: the cluster that will publish (EdgeGateway.spec.clusterName)', 'production')
    .option('--endpoint <origin>', "edge: the worker's origin (EdgeGateway.spec.endpoint)", 'https://llm.example.com')
    .option('--namespace <namespace>', 'edge: namespace of the EdgeGateway', 'fairlead-system')
    .option('--name <name>', 'edge: name of the EdgeGateway', 'edge')
    .option('--out <folder>', 'edge: where the files go; existing files are never overwritten', 'fairlead-keys')
    .option('--json', 'print everything as one JSON document, private keys included, and write no file')
    .addHelpText('after', `\n${EXIT_CODES_HELP}`)
    .action(async (what: 'edge' | 'consumer', options: KeygenOptions) => {
      // Loaded here, so that no other command waits for it.
      const { runKeygen } = await import('../keygen/run-keygen.ts');
      await runKeygen(what, options);
    });
}
