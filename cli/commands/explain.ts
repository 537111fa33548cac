import { Command, InvalidArgumentError, Option } from 'commander';
import type { Operation } from '../../contract/routing-table.ts';
import { EXIT_CODES_HELP } from '../exit-codes.ts';
import { DIR_ARGUMENT } from './edge-options.ts';
import {
  namedPlace,
  OVERLAY_HELP,
  withClusterOptions,
  withNamespaceOption,
  type PlaceOptions,
} from './place-options.ts';

export interface ExplainOptions extends PlaceOptions {
  readonly model: string;
  readonly operation: Operation;
  readonly host?: string;
  readonly path?: string;
  readonly header: readonly Header[];
  readonly key?: string;
  readonly consumer?: string;
  readonly conversation: string;
  readonly edge?: string;
  readonly json?: boolean;
}

interface Header {
  readonly name: string;
  readonly value: string;
}

/** Where each operation stands. */
export const OPERATION_PATHS: Readonly<Record<Operation, string>> = {
  chat: '/v1/chat/completions',
  completions: '/v1/completions',
  embeddings: '/v1/embeddings',
};

export function explainCommand(): Command {
  const command = new Command('explain')
    .summary('which route, model and backends a request would meet, and why')
    .description(
      `Shows what a request would meet: the route, the model, the backends in the order in which they would be tried, how the request would be treated, and why other routes and backends are not met. It compiles the resources and then runs the worker's own code on the table.

${OVERLAY_HELP}`,
    )
    .argument('[dir]', DIR_ARGUMENT);
  return withNamespaceOption(withClusterOptions(command))
    .requiredOption('--model <name>', 'the model that the request asks for')
    .addOption(
      new Option('--operation <what>', 'what it asks of the model')
        .choices(Object.keys(OPERATION_PATHS))
        .default('chat'),
    )
    .option('--host <host>', 'its Host header (default: that of the edge)')
    .option('--path <path>', 'its path (default: that of the operation, /v1/…)')
    .addOption(
      new Option('--header <name:value>', 'a header that it carries; may be given again')
        .argParser(collectHeader)
        .default([], 'none'),
    )
    .addOption(new Option('--key <key>', 'the virtual key that it shows').conflicts('consumer'))
    .option('--consumer <namespace/name>', 'whose key it shows, where you do not have the key')
    .option('--conversation <id>', 'what keeps it on one backend among several of one priority', 'explain')
    .option('--edge <namespace/name>', 'the EdgeGateway, where there are several')
    .option('--json', 'print one JSON document: {outcome, route, model, backends, treatment, passedOver}')
    .addHelpText(
      'after',
      `
Examples:
  fairlead explain examples/quickstart --model demo --key sk-fairlead-demo
  fairlead explain examples/tenants --model blue-demo --consumer red/red-app
  fairlead explain --context production --model demo --consumer default/someone

${EXIT_CODES_HELP}`,
    )
    .action(async (dir: string | undefined, options: ExplainOptions) => {
      // Loaded here, so that no other command waits for it.
      const { runExplain } = await import('../explain/run-explain.ts');
      const { defaultPlace } = await import('../edges/default-place.ts');
      await runExplain(namedPlace(dir, options, 'LayOver') ?? (await defaultPlace()), options);
    });
}

function collectHeader(text: string, collected: readonly Header[]): Header[] {
  const colon = text.indexOf(':');
  if (colon < 1) throw new InvalidArgumentError('It must be name:value.');
  return [...collected, { name: text.slice(0, colon).trim(), value: text.slice(colon + 1).trim() }];
}
